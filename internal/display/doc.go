// Package display says what people read of an event: one sentence and a
// severity.
//
// The sentence is made from the event when it is read, by the template of its
// type. It is therefore not stored, a better template improves old events too,
// and the names in it are where the erasure of a person finds them: in the
// event's metadata. Only a sentence that the producer wrote itself, and that no
// template would give, is kept with the event.
//
// Sentences are plain text in UTF-8, without control characters but tab. They
// hold whatever a user typed as a name; whoever puts them into HTML, CSV or
// syslog escapes them for it.
//
// The templates are data: a type's wording is its row in templates.go, the
// fields it is filled from are in slots.go. testdata/templates.json holds the
// expected sentence for each type in each state. Start reading at [Of].
package display
