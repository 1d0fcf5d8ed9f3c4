package commands

// HoldHashers keeps c from hashing passwords.
func HoldHashers(c *Commands) {
	for range hashers {
		c.hashers <- struct{}{}
	}
}

// MaxHashees is how many may wait for a hash.
const MaxHashees = hashees
