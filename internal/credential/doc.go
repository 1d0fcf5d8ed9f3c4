// Package credential makes what a person proves himself with, in the forms Better
// Auth has for it: hashes of passwords, TOTP secrets with their URI, backup codes.
//
// Nothing here is kept: whoever asks seals what he stores. An application that takes
// a user over can check all of it with Better Auth's own functions.
package credential
