package wire

// Limits of one event, whatever the form in which it arrives. More are eventlog's,
// among them eventlog.MaxMetadataLen. Those of a body are in [Options].
const (
	MaxEvent = 128 << 10 // bytes of its JSON text
	MaxDepth = 16        // objects and arrays inside each other, within one field
	MaxNames = 256       // members of an object
	MaxName  = 128       // bytes of a member's name
)

// Codes with which a whole body is refused. Those of one event are eventlog's.
const (
	codeJSON     = "INVALID_JSON"
	codeBody     = "INVALID_BODY"
	codeTooLarge = "TOO_LARGE"
)
