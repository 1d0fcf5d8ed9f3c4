// Package idp knows identity providers: what the metadata of a SAML provider says,
// and which domains a provider may be asked to prove.
//
// Everything here is computed from texts. Nothing is fetched and nothing is looked up.
package idp
