package destination

// The states of a drain.
const (
	Active    = "active"
	Paused    = "paused"    // an operator has switched it off
	Failing   = "failing"   // the last attempt has failed; it will be tried again
	Suspended = "suspended" // dashd has given up: the destination refused for good, or failed for a day
)

// Health is how a drain is doing.
type Health struct {
	Status       string
	LastDelivery int64  // ms; 0: nothing has been delivered yet
	LastError    string // the class of the last failure; "" after a success
	Cursor       uint64 // everything up to this seq is delivered, or none of the drain's business
	Lag          uint64 // how many events of the log are behind the cursor
	Attempts     int    // that have failed since the last success
	NextAttempt  int64  // ms; 0: no attempt is put off
}
