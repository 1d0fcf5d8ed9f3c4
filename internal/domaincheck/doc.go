// Package domaincheck looks again, each day, for the records that prove the domains of
// SSO providers: a domain that has changed hands must not go on deciding who signs in.
//
// It finds out what is due and asks for it; what a record that is missing means is
// decided by commands.RecheckSSODomain. Only the node that leads does it. When each
// proof was last seen is kept in memory alone: a new leader looks at all of them once,
// and what was missing is in the log with its time.
package domaincheck
