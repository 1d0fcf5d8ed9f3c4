package bench

// Stored is what a write makes of its answer.
var Stored = stored
