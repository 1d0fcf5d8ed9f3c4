package simulation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/anishathalye/porcupine"
)

// A register is a user: commands write his name and whether he is banned, and strong reads read it.
type register struct {
	name   string
	banned bool
}

type call struct {
	user int
	what string // rename, ban, unban or read
	name string
}

// model is that of all registers: each call happens at one moment between its begin and its end.
var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) (parts [][]porcupine.Operation) {
		parts = make([][]porcupine.Operation, registers)
		for _, o := range history {
			user := o.Input.(call).user
			parts[user] = append(parts[user], o)
		}
		return parts
	},
	Init: func() any { return register{name: firstName} },
	Step: func(state, input, output any) (bool, any) {
		r := state.(register)
		switch c := input.(call); c.what {
		case "rename":
			r.name = c.name
		case "ban":
			r.banned = true
		case "unban":
			r.banned = false
		default:
			return output.(register) == r, r
		}
		return true, r
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v: %+v", input, output) },
}

const firstName = "first"

// createUser makes a user, whose id it returns.
func (c *clients) createUser(i int) string {
	body := fmt.Sprintf(`{"name":%q,"email":"register%d@example.com"}`, firstName, i)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	answer, err := c.s.machines[0].request(ctx, "POST", "/dash/user", fmt.Sprint("register", i), body)
	if err != nil {
		c.s.t.Fatalf("seed %d: create a user: %v", c.s.seed, err)
	}
	var user struct{ ID string }
	if err := json.Unmarshal(answer.Body.Bytes(), &user); err != nil || user.ID == "" {
		c.s.t.Fatalf("seed %d: create a user: %d %s %v", c.s.seed, answer.Code, answer.Body, err)
	}
	return user.ID
}

// operate changes a register or reads it.
func (c *client) operate(context.Context) {
	user := c.rng.IntN(len(c.users))
	switch c.rng.IntN(6) {
	case 0, 1:
		name := c.name()
		c.change(call{user: user, what: "rename", name: name}, "PATCH", "/dash/user", fmt.Sprintf(`,"name":%q`, name))
	case 2:
		c.change(call{user: user, what: "ban"}, "POST", "/dash/user/ban", "")
	case 3:
		c.change(call{user: user, what: "unban"}, "POST", "/dash/user/unban", "")
	default:
		c.readRegister(user)
	}
}

// change sends a command, each time under the same key, until it is done. One that is never done
// may happen at any later time.
func (c *client) change(what call, method, path, fields string) {
	begin := c.l.moment()
	_, ok := c.insist(method, path, c.name(), fmt.Sprintf(`{"userId":%q%s}`, c.users[what.user], fields))
	op := porcupine.Operation{ClientId: c.id, Input: what, Call: begin, Return: math.MaxInt64}
	if ok {
		op.Return = c.l.moment()
	}
	c.l.operation(op)
}

// readRegister reads a user as he is, at any node.
func (c *client) readRegister(user int) {
	begin := c.l.moment()
	answer, err := c.once("GET", "/dash/user?consistency=strong&userId="+c.users[user], "", "")
	if err != nil || answer.Code != http.StatusOK {
		return
	}
	end := c.l.moment()
	var u struct {
		Name   string
		Banned bool
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &u); err != nil {
		c.l.wrong("a user is %s: %v", answer.Body, err)
		return
	}
	c.l.operation(porcupine.Operation{ClientId: c.id, Input: call{user: user, what: "read"}, Call: begin, Output: register{u.Name, u.Banned}, Return: end})
}

func (l *ledger) operation(op porcupine.Operation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.Operations++
	l.history = append(l.history, op)
}

// wantLinearizable checks the history of the registers. It runs outside virtual time: how long
// that may take is real.
func (l *ledger) wantLinearizable() error {
	result, _ := porcupine.CheckOperationsVerbose(model, l.history, time.Minute)
	if result == porcupine.Ok {
		return nil
	}
	return fmt.Errorf("a history of %d operations is not linearizable: %s", len(l.history), result)
}
