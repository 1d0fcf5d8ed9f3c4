// Package outbound is the one way out: every request that leaves the node for an
// address a tenant has chosen goes through [Client], and every look-up of a
// name he has chosen through a [Resolver].
//
// A target is refused by what it is called before anything is sent: not https,
// another port than 443, user information, a host that is an IP address in one of
// the spellings that only lenient parsers know. It is refused by where it is at each
// connect: the address that the kernel is about to be given is compared with the
// networks that are nobody's business out there, so a name that resolves to another
// address the second time gains nothing. The operator can allow hosts and
// networks; a tenant cannot.
//
// Redirects are not followed, but by [Client.Download] for the operator; the proxy variables of the environment are not read,
// and what a caller may tell a tenant of a failure is its [Class].
//
// Start reading at [Client.Do].
package outbound
