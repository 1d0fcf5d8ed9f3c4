package genevents

// World is how many countries and cities there are.
func World() (countries, cities int) { return len(theWorld().countries), len(theWorld().cities) }
