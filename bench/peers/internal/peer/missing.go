package peer

import "errors"

// ErrMissing says that a server is not installed, and what would install it is in the error's text.
var ErrMissing = errors.New("not installed")
