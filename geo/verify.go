package geo

// Verify reads a file as [Locator.Reload] does, and says what it is or why it would be rejected.
func Verify(path string) (Info, error) {
	d, _, err := load(path, "", defaultMaxBytes, City, "")
	if err != nil {
		return Info{}, err
	}
	return d.info, nil
}

// AttributionOf is what the source of a database of a type asks to be shown with places; nil: nothing.
func AttributionOf(databaseType string) *Attribution { return attribution(databaseType, false) }
