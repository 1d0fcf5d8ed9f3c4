// Package faults tests what nodes keep when they, their disks, the links between them
// or their clients fail: the real binary as processes, alone and as a cluster of three,
// killed, paused, cut off from each other and from power, out of disk space, on hanging
// disks, on damaged and on foreign files, replaced, and under requests that nobody should
// send. It holds tests only.
//
// While a fault is prepared, clients write and remember what they sent and which
// position in the log was acknowledged for it (history). After the fault the nodes go on
// with what is left, and the whole log is compared with the memory:
//
//   - what was acknowledged, or read once, is there once, at the same position,
//     with the same content, and a repeat of it is answered as a duplicate;
//   - what was not acknowledged is there once or not at all;
//   - nothing else is there, and positions are dense from 1;
//   - all nodes of a cluster have the same blocks and the same rows;
//   - commands and strong reads are linearizable.
//
// A node may refuse to start on damaged files, with an exit code and a sentence.
// It may never serve something wrong, or leave something out, without an error.
//
// What is chosen is chosen by a seed, which every failure names: DASHD_FAULTS_SEED
// repeats the choices, though not the operating system's scheduling. Each scenario has a
// count, a variable in its test (DASHD_FAULTS_KILLS, DASHD_FAULTS_F8, …). Results are
// printed as a table and, with DASHD_FAULTS_RECORD=1, added to what is on record in
// results/faults.json and docs/faults.md; then counts are those that the record is to
// reach. Tests that need file systems or networks of their own take Linux and root;
// elsewhere they are listed as not run.
//
// Start reading at TestKillUnderLoad, and for clusters at TestF1KillOne.
package faults
