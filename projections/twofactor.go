package projections

// TwoFactor returns the second factor of a user.
func (t *Tables) TwoFactor(userID string) (TwoFactor, bool) { return t.factors.get(userID) }

func (f *TwoFactor) rowID() string              { return f.UserID }
func (f *TwoFactor) rowKeys() [keysOfRow]string { return [keysOfRow]string{} }

func codeTwoFactor(c *coder, f *TwoFactor) {
	codeText(c, &f.UserID)
	c.flag(&f.Pending)
	codeBytes(c, &f.Sealed)
}
