package projections

import "dashd/internal/cow"

// symbols give numbers to texts that many rows have, such as user agents. Number 0 is
// the empty text.
//
// There are at most maxSymbols: a producer that makes up a new text each time must not
// fill the memory with what no row has any more. The numbers are used up then, for
// good, and rows keep further texts themselves.
type symbols struct {
	texts cow.Array[string] // by number - 1
	ids   cow.IDs
}

// symbol is the number of a text.
type symbol uint16

// noSymbol says that the row itself has the text.
const noSymbol symbol = 1<<16 - 1

const maxSymbols = int(noSymbol) - 1

// text is what a number stands for.
func (s *symbols) text(n symbol) string {
	if n == 0 {
		return ""
	}
	return *s.texts.At(int(n) - 1)
}

// symbol returns the number of a text: noSymbol if it has none, and gets none. The
// text is copied if it is kept.
func (s *symbols) symbol(text string) symbol {
	if text == "" {
		return 0
	}
	if n, ok := s.find(text); ok {
		return n
	}
	if s.texts.Len() == maxSymbols || len(text) > maxSymbolLen {
		return noSymbol
	}
	ord := s.texts.Append(string([]byte(text)))
	s.ids.Add(text, uint32(ord), s.alive)
	return symbol(ord + 1)
}

const maxSymbolLen = 1 << 10

func (s *symbols) find(text string) (symbol, bool) {
	ord, ok := s.ids.Find(text, func(ord uint32) bool { return *s.texts.At(int(ord)) == text })
	return symbol(ord + 1), ok
}

func (s *symbols) alive(uint32) bool { return true }

func (s *symbols) freeze() symbols {
	return symbols{texts: s.texts.Freeze(), ids: s.ids.Freeze()}
}

func (s *symbols) reindex() {
	s.ids = cow.IDs{}
	s.ids.Load(s.texts.Len(), idsOf(&s.texts, func(text *string) (string, bool) { return *text, true }))
}

func (s *symbols) kept(name string) keptTable {
	return keep(name, &s.texts, func(c *coder, text *string) { codeText(c, text) })
}

// of is the text of a row that has the number n: in its tail if that is noSymbol.
func (s *symbols) of(n symbol, tail string, tag byte) string {
	if n == noSymbol {
		return fromTail(tail, tag)
	}
	return s.text(n)
}
