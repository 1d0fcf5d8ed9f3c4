package httpapi_test

const (
	delivers  = "12 [D]: dashd delivers, and says how that goes"
	checked   = "12 [D]: a config that is not valid is refused"
	exactType = "12 [D]: eventTypes also takes the names of types"
	theirSide = "12: it is what the destination received: TestDrainTests"
)

// drainDeviations are those of log drains.
var drainDeviations = healthKeys([]exception{
	{"get-dash-organization-log-drains", 3, "status 404, captured 500", "12 [D]: drains have a table; the organization is unknown"},
	{"get-dash-organization-log-drains", 3, "a body, captured none", "12 [D]: drains have a table; the organization is unknown"},
	{"post-dash-organization-log-drain", 5, "status 200, captured 400", exactType},
	{"post-dash-organization-log-drain", 6, "status 400, captured 500", checked},
	{"post-dash-organization-log-drain", 6, "a body, captured none", checked},
	{"patch-dash-organization-log-drain", 3, "status 400, captured 500", checked},
	{"patch-dash-organization-log-drain", 3, "a body, captured none", checked},
	{"post-dash-organization-log-drain-test", 2, "not replayed", theirSide},
}, map[string][]int{
	"get-dash-organization-log-drains":  {0},
	"post-dash-organization-log-drain":  {0, 1, 2},
	"patch-dash-organization-log-drain": {0},
})

// healthKeys adds the keys that dashd adds to rows.
func healthKeys(all []exception, rows map[string][]int) []exception {
	for file, indexes := range rows {
		at := "body."
		if file == "get-dash-organization-log-drains" {
			at = "body[]."
		}
		for _, i := range indexes {
			for _, key := range []string{"status", "lastDeliveryAt", "lastError", "cursor", "lag", "attempts", "nextAttemptAt"} {
				all = append(all, exception{file, i, at + key + ": added", delivers})
			}
		}
	}
	return all
}
