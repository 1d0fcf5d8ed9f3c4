// Package tokens verifies signed tokens (JWT, RFC 7519) against keys that an operator
// has chosen to trust.
//
// What a token says about how it is to be verified counts for nothing: an algorithm is
// bound to the type of the key, only three are taken, and a header that names or brings a
// key, or demands something else of the verifier, is refused. What the claims mean is the
// caller's business.
//
// Start reading at [Parse] and [Token.Verify]; [Sets] keeps the keys fresh.
package tokens
