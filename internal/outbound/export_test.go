package outbound

// NewStalling is the body of a download.
var NewStalling = newStalling
