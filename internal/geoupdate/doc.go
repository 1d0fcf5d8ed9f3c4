// Package geoupdate fetches a database of places for a node to look addresses up in:
// from MaxMind, with an account, from DB-IP, or from a URL. It is for the operator, who
// runs it when he likes; a node never does.
//
// What comes is not trusted. It goes to a private file beside the one it is to replace, with
// a bound on its size, is compared with the checksum if its source publishes one, is
// unpacked with bounds again, and is read as a whole as the node would read it. Only then does it
// take the other one's place, in one step and durably. Whatever fails before leaves the old
// file as it was.
//
// Start reading at [Update].
package geoupdate
