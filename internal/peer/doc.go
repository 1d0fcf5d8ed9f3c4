// Package peer is the cluster port: the one TCP port over which the nodes of a
// cluster talk to each other.
//
// Every connection is TLS 1.3 under the cluster's own certificate authority. The
// protocol that TLS negotiates (ALPN) says what a connection is for:
//
//	dashd-raft/1  messages of raft, between members
//	dashd-http/1  requests of members, HTTP/1.1
//	dashd-join/1  requests of a node that has no certificate yet, HTTP/1.1
//
// Members show each other certificates. One says who its holder is:
// spiffe://<cluster>/node/<node>, and the incarnation of the node's data directory.
// Before any other byte both sides exchange a hello: cluster, node, incarnation,
// version of the program, and a value that only this TLS connection has. It must say
// what the certificate says, and the node must be admitted by [Options].Admit: the log
// tells who is a member, so a certificate of a removed node is worth nothing. Raft's
// own protocol has no authentication; nothing of it is read before all of this
// has passed, nor from a node that is removed later ([Port.Recheck]).
//
// A node that joins knows its server by the fingerprint of the authority in its join
// token ([Token]). It may ask for what [Options].Joiners answers, nothing else.
//
// A node whose disk hangs calls [Port.Silence]: the others see their connections
// reset and every new one fail, so they elect another leader.
//
// Start reading at [Listen] and [Port.Serve]; the hello is described at hello.
package peer
