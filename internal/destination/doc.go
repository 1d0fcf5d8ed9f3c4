// Package destination knows the systems that a log drain sends events to: how each
// is configured, which events it wants, and what a request to it looks like. It sends
// nothing itself.
//
// A [Config] is what an operator has chosen. It holds secrets: it is stored sealed,
// and shown as [Config.Masked] gives it. A masked secret that comes back stands for the stored
// one, unless it would then be sent to another place than before.
//
// Start reading at [Parse] and at [Config.Request].
package destination
