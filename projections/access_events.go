package projections

// What the metadata of the events that [Access] folds says. The JSON names are on
// disk: never rename or reuse one.

// ProjectMeta is the metadata of an eventlog.DashdProjectCreated event.
type ProjectMeta struct {
	Project string `json:"projectId"`
	Name    string `json:"name,omitempty"`
	// Request lets a repeat of the request be known: see Project.Request.
	Request string `json:"request,omitempty"`
}

// KeyMeta is the metadata of an eventlog.DashdKeyCreated event. The key itself is in
// no event.
type KeyMeta struct {
	Key       string   `json:"keyId"`
	Project   string   `json:"projectId"`
	Name      string   `json:"name,omitempty"`
	Scopes    []string `json:"scopes"`
	Hash      string   `json:"hash"`                // SHA-256 of the whole key, hex
	ExpiresAt int64    `json:"expiresAt,omitempty"` // ms; 0: never
	Request   string   `json:"request,omitempty"`
}

// RevocationMeta is the metadata of an eventlog.DashdKeyRevoked event.
type RevocationMeta struct {
	Key     string `json:"keyId"`
	Project string `json:"projectId"`
}

// SigningKeyMeta is the metadata of an eventlog.DashdSigningKeyCreated event. The
// private part is the event's sealed secret: the 32-byte seed of RFC 8032.
type SigningKeyMeta struct {
	Key    string `json:"kid"`
	Alg    string `json:"alg"`    // EdDSA
	Public string `json:"public"` // 32 bytes, base64url
}

// ClusterMeta is the metadata of an eventlog.DashdClusterCreated event. The private key
// of the certificate authority is the event's sealed secret: its seed.
type ClusterMeta struct {
	Cluster     string `json:"clusterId"`
	Certificate string `json:"certificate"` // DER, base64
}

// JoinTokenMeta is the metadata of an eventlog.DashdJoinTokenCreated event. The token's
// secret is in no event.
type JoinTokenMeta struct {
	Token     string `json:"tokenId"`
	Hash      string `json:"hash"`      // SHA-256 of the secret, hex
	ExpiresAt int64  `json:"expiresAt"` // ms
}

// NodeMeta is the metadata of eventlog.DashdNodeJoined, DashdNodeMoved and
// DashdNodeRemoved events.
type NodeMeta struct {
	Node        string `json:"nodeId"`
	Incarnation string `json:"incarnation,omitempty"` // of a node that joins
	Address     string `json:"address,omitempty"`     // of its cluster port; not of one that is removed
	Token       string `json:"tokenId,omitempty"`     // what it joins with; the first node has none
}
