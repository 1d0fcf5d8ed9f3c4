package httpapi

import (
	"encoding/hex"
	"encoding/json"
	"maps"

	"dashd/internal/commands"
	"dashd/internal/tokens"
	"dashd/projections"
)

const (
	// maxTokenAge is how old an operator's token may be, in seconds.
	maxTokenAge = 300
	// reusableAge is how old it may be to be good for any number of requests, in
	// seconds. From then on it is good for one.
	reusableAge = 30
)

// registered are the claims that say who and when, not what about.
var registered = []string{"iss", "aud", "sub", "iat", "exp", "nbf", "jti", "apiKeyHash", "actorId"}

// signed is what is known of the signed token of a request.
type signed struct {
	jti  string
	age  float64 // seconds
	user string  // the application's user it stands for, or "": an operator
	// organization is the one the user works in, or "".
	organization string
}

// authenticateToken finds out who is behind a signed token. A token of an operator names
// an API key by its hash, and has what that key has; one of a user is good for the reads of
// his own events. All refusals look the same.
func (s *Server) authenticateToken(r *request, rt *route, text string) (projections.Principal, error) {
	t, err := tokens.Parse(text)
	if err != nil {
		return projections.Principal{}, badToken(err.Error())
	}
	if claims, project, ok := s.verify(t); ok {
		return s.operatorOf(r, claims, project)
	}
	if s.Tokens != nil && rt.endUsers {
		if from, claims, ok := s.Tokens.Verify(t, true); ok {
			return s.userOf(r, claims, from.Project)
		}
	}
	return projections.Principal{}, badToken("no key that is known has signed it")
}

// verify returns the claims of a token of an operator, and the project whose key set
// has signed it; "" if it was dashd.
func (s *Server) verify(t *tokens.Token) (claims tokens.Claims, project string, ok bool) {
	var own []tokens.Key
	for _, k := range s.Access.Image().SigningKeys() {
		own = append(own, tokens.NewKey(k.ID, k.Public))
	}
	if claims, ok := t.Verify(own); ok {
		return claims, "", true
	}
	if s.Tokens == nil {
		return nil, "", false
	}
	from, claims, ok := s.Tokens.Verify(t, false)
	return claims, from.Project, ok
}

// operatorOf reads the claims of an operator's token.
func (s *Server) operatorOf(r *request, claims tokens.Claims, project string) (projections.Principal, error) {
	now := s.Now()
	none := projections.Principal{}
	if err := claims.CheckTimes(now); err != nil {
		return none, badToken(err.Error())
	}
	issued, there, err := claims.Seconds("iat")
	age := float64(now)/1000 - issued
	if err != nil || !there || age > maxTokenAge {
		return none, badToken("it was not issued within five minutes")
	}
	text, _ := claims.Text("apiKeyHash")
	var hash projections.KeyHash
	n, err := hex.Decode(hash[:], []byte(text[:min(len(text), 2*len(hash))]))
	if err != nil || n != len(hash) || hex.EncodeToString(hash[:]) != text {
		return none, badToken("the claim apiKeyHash is no hash")
	}
	p, err := s.Access.Image().AuthenticateHash(hash, now)
	if err != nil {
		return none, err
	}
	if project != "" && project != p.Project {
		return none, &refused{commands.OtherProject, p, badToken("it was signed for another project")}
	}
	r.token = &signed{age: age}
	if r.token.jti, err = name(claims, "jti"); err != nil {
		return none, err
	}
	r.actor = p.KeyID
	for _, claim := range []string{"sub", "actorId"} {
		who, err := name(claims, claim)
		if err != nil {
			return none, err
		}
		if who != "" {
			r.actor = who
		}
	}
	r.claims = map[string]json.RawMessage(maps.Clone(claims))
	for _, claim := range registered {
		delete(r.claims, claim)
	}
	return p, nil
}

// userOf reads the claims of a user's token.
func (s *Server) userOf(r *request, claims tokens.Claims, project string) (projections.Principal, error) {
	none := projections.Principal{}
	if err := claims.CheckTimes(s.Now()); err != nil {
		return none, badToken(err.Error())
	}
	user, err := name(claims, "sub")
	if err != nil {
		return none, err
	}
	organization, err := name(claims, "activeOrganizationId")
	if err != nil {
		return none, err
	}
	_, expires := claims["exp"]
	_, forKey := claims["apiKeyHash"]
	_, exists := s.Access.Image().Project(project)
	if user == "" || !expires || forKey || !exists {
		return none, badToken("not a token of a user of the project")
	}
	r.token = &signed{user: user, organization: organization}
	r.actor = user
	return projections.Principal{KeyID: user, Project: project, Scopes: []string{string(eventsRead)}}, nil
}

// name returns a claim that names somebody or something, "" if it is absent.
func name(claims tokens.Claims, claim string) (string, error) {
	text, ok := claims.Text(claim)
	if _, there := claims[claim]; there && (!ok || text == "" || len(text) > maxID) && string(claims[claim]) != "null" {
		return "", badToken("the claim " + claim + " is no name")
	}
	return text, nil
}

// useUp makes sure that a token that is not fresh is good for one request only, on any
// node. It is asked last, so that a request that is refused anyway uses nothing up.
func (s *Server) useUp(r *request) error {
	if r.token == nil || r.token.user != "" || r.token.age < reusableAge {
		return nil
	}
	first, err := s.Commands.UseJTI(r.Context(), r.principal, r.token.jti, 0)
	if err != nil {
		return err
	}
	if !first {
		return because(commands.UsedToken, badToken("it was used before, or has no jti"))
	}
	return nil
}

// ofUser reports whether the request is that of an application's user, and whose.
func (r *request) ofUser() (user string, ok bool) {
	if r.token == nil || r.token.user == "" {
		return "", false
	}
	return r.token.user, true
}
