// Package seal keeps secrets out of the log: a secret that has to be stored
// (a signing key, a TOTP seed, a drain's credential) is sealed into a box before
// it enters a block, and only a holder of the cluster key can open the box.
//
// The cluster key is 32 random bytes in the file cluster.key, made at the first
// start of a cluster and handed to nodes that join. It is in no block, database,
// backup or log line.
//
// From it, one key for each class of secrets is derived, and a box is bound to
// its class, its project and the object it belongs to: moved to another object,
// it does not open. Boxes are for ever; their first byte is the format.
//
// Start reading at [Open] and [Sealer.Box].
package seal
