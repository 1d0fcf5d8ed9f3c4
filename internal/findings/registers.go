package findings

import (
	"fmt"
	"math/rand/v2"

	"github.com/anishathalye/porcupine"
)

// Register is a user: commands write his name and whether he is banned, and strong reads read both.
type Register struct {
	Name   string
	Banned bool
}

// FirstName is the name with which each user is created. He is not banned then.
const FirstName = "first"

// Call is what is done with a register, the input of an operation of a history.
type Call struct {
	User int
	What string // rename, ban, unban or read
	Name string // the new one
}

// Outcome is what a call was answered, the output of an operation. A change that has no answer may have
// happened at any later time: it returns at the end of time.
type Outcome struct {
	Register // that was read
	Unknown  bool
	About    string // what may explain it, to people
}

// Read is the call that reads a register.
func Read(user int) Call { return Call{User: user, What: "read"} }

// Draw chooses a call: half of them read. name is asked for a new name, never used before.
func Draw(rng *rand.Rand, users int, name func() string) Call {
	user := rng.IntN(users)
	switch rng.IntN(6) {
	case 0, 1:
		return Call{User: user, What: "rename", Name: name()}
	case 2:
		return Call{User: user, What: "ban"}
	case 3:
		return Call{User: user, What: "unban"}
	default:
		return Read(user)
	}
}

// Request is how a change is asked of a node. id is that of the user.
func (c Call) Request(id string) (method, path, body string) {
	switch c.What {
	case "rename":
		return "PATCH", "/dash/user", fmt.Sprintf(`{"userId":%q,"name":%q}`, id, c.Name)
	case "ban", "unban":
		return "POST", "/dash/user/" + c.What, fmt.Sprintf(`{"userId":%q}`, id)
	default:
		panic("findings: " + c.What + " changes nothing")
	}
}

// Registers is the model: each call happens at one moment between its beginning and its end, and the
// calls of one user do not concern the others.
var Registers = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byUser := map[int]int{} // to its part
		var parts [][]porcupine.Operation
		for _, o := range history {
			user := o.Input.(Call).User
			i, ok := byUser[user]
			if !ok {
				i = len(parts)
				byUser[user], parts = i, append(parts, nil)
			}
			parts[i] = append(parts[i], o)
		}
		return parts
	},
	Init: func() any { return Register{Name: FirstName} },
	Step: func(state, input, output any) (bool, any) {
		r := state.(Register)
		switch c := input.(Call); c.What {
		case "rename":
			r.Name = c.Name
		case "ban":
			r.Banned = true
		case "unban":
			r.Banned = false
		default:
			return output.(Outcome).Register == r, r
		}
		return true, r
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %+v", input, output) },
}
