// Package nats measures NATS JetStream: a stream with three replicas in files, on three servers on loopback.
//
// The servers are set to sync each write (sync_interval: always). With the default, they sync every two minutes and
// acknowledge what a power cut of all of them loses. So set, each server has synced an entry of the stream's Raft log before it
// says that it has it, and a message is acknowledged when two of three have. The stream's own files are written
// behind that, and synced when the Raft log is shortened.
//
// An event is one message, its JSON text, on one subject. Nothing else is stored with it: no index by user, and no check for duplicates, which the server
// does only for messages that carry an id. There is no read of the latest messages about a user.
//
// Of 1,000 events, all are acknowledged one by one (async1000), as a batch that is stored as it arrives (fast1000), or as a batch that is stored as a
// whole (atomic1000). One message that holds 1,000 events (message1000) is no event log: the server can neither
// number, find, nor remove one of them. It has a stream of its own.
//
// Start reading at [Peer].
package nats
