package peer

import (
	"net"
	"time"
)

// A connection whose other end has vanished without a word is closed after so long,
// whether something is on its way (unsent) or not (keepAlive).
const unsent = 20 * time.Second

var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 2}
