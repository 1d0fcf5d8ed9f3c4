package projections

// RowFields are the names of the fields of a table's rows, and how many fields the first row that an
// image has of it has; 0 if there is none.
func RowFields(m *DashImage, table string) (names []string, fields int, ok bool) {
	for _, tables := range m.Projects() {
		for _, k := range tables.kept() {
			if first, end := k.span(); k.tableName() == table && end > first {
				var c coder
				k.write(&c, end-1)
				list, ok := fieldsOf(table, string(c.b))
				return rowFields[table], len(list), ok
			}
		}
	}
	return rowFields[table], 0, true
}
