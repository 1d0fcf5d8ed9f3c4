// Package etcd measures etcd with three members on loopback.
//
// Settings are the defaults, with two exceptions: the quota of the database is 8 GiB, the most that its manual
// recommends, and a transaction may have more operations than 128. Each member has synced an entry of the write-ahead log before it tells
// the leader that it has it, so an acknowledged put is on the disks of two members of three. Its
// database is written behind that, every 100 ms.
//
// An event is one key, which rises with time, and its JSON text. Nothing else is stored with it by the scenarios that
// write: no index by user, no check. Readers who want the latest events of a user need a second key for each
// event; the scenario latest20 stores those before it is measured, so it comes last.
//
// Start reading at [Peer].
package etcd
