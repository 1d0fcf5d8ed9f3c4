package simulation_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"dashd/internal/findings"
)

// createUser makes a user, whose id it returns.
func (c *clients) createUser(i int) string {
	body := fmt.Sprintf(`{"name":%q,"email":"register%d@example.com"}`, findings.FirstName, i)
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
	c.l.registers = append(c.l.registers, user.ID)
	return user.ID
}

// operate changes a register or reads it.
func (c *client) operate(context.Context) {
	what := findings.Draw(c.rng, len(c.users), c.name)
	if what == findings.Read(what.User) {
		c.readRegister(what.User)
	} else {
		c.change(what)
	}
}

// change sends a command, each time under the same key, until it is done. One that is never done
// may happen at any later time.
func (c *client) change(what findings.Call) {
	begin := c.l.moment()
	method, path, body := what.Request(c.users[what.User])
	answer, ok := c.insist(method, path, c.name(), body)
	op := porcupine.Operation{ClientId: c.id, Input: what, Call: begin, Output: findings.Outcome{Unknown: !ok, About: c.about(answer)}, Return: math.MaxInt64}
	if ok {
		op.Return = c.l.moment()
	}
	c.l.operation(op)
}

// readRegister reads a user as he is, at any node.
func (c *client) readRegister(user int) {
	level := []string{"strong", "leader"}[c.rng.IntN(2)]
	begin := c.l.moment()
	answer, err := c.once("GET", "/dash/user?consistency="+level+"&userId="+c.users[user], "", "")
	if err != nil || answer.Code != http.StatusOK {
		return
	}
	end := c.l.moment()
	var u findings.Register
	if err := json.Unmarshal(answer.Body.Bytes(), &u); err != nil {
		c.l.wrong("a user is %s: %v", answer.Body, err)
		return
	}
	c.l.operation(porcupine.Operation{ClientId: c.id, Input: findings.Read(user), Call: begin, Output: findings.Outcome{Register: u, About: level + c.about(answer)}, Return: end})
}

// about tells of an answer what may explain it.
func (c *client) about(answer *httptest.ResponseRecorder) string {
	if answer == nil {
		return ""
	}
	return fmt.Sprintf(" at %v of seq %s", time.Since(c.s.began), answer.Header().Get("Dashd-Seq"))
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
	result, _ := porcupine.CheckOperationsVerbose(findings.Registers, l.history, time.Minute)
	if result == porcupine.Ok {
		return nil
	}
	return fmt.Errorf("a history of %d operations is not linearizable: %s%s", len(l.history), result, l.contradiction())
}

// contradiction is the operations of the first user whose history is not linearizable, up to where it no longer
// is. What had begun by then and not returned may or may not have happened.
func (l *ledger) contradiction() string {
	for _, ops := range findings.Registers.Partition(l.history) {
		if porcupine.CheckOperations(findings.Registers, ops) {
			continue
		}
		slices.SortFunc(ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Return, b.Return) })
		var until []porcupine.Operation
		for _, last := range ops {
			until = slices.DeleteFunc(slices.Clone(ops), func(o porcupine.Operation) bool {
				return o.Call > last.Return || o.Return > last.Return && o.Input.(findings.Call).What == "read"
			})
			for i := range until {
				if until[i].Return > last.Return {
					until[i].Return = math.MaxInt64
				}
			}
			if !porcupine.CheckOperations(findings.Registers, until) {
				break
			}
		}
		var b strings.Builder
		for _, o := range until {
			fmt.Fprintf(&b, "\n%d-%d client %d: %+v: %+v", o.Call, o.Return, o.ClientId, o.Input, o.Output)
		}
		for _, c := range l.commands {
			if c.user == l.registers[ops[0].Input.(findings.Call).User] {
				b.WriteString("\n" + c.event)
			}
		}
		return b.String()
	}
	return ""
}
