package auth

import (
	"fmt"
	"strings"

	"github.com/weir-go/weir/push/topic"
)

// userTemplate stands for the user in the filters of Options.Defaults.
const userTemplate = "{user}"

func (o *Options) checkGrants() error {
	anonymous := Grant{}
	if o.Anonymous != nil {
		anonymous = *o.Anonymous
	}
	for _, g := range []struct {
		option string
		list   []string
	}{
		{"Defaults.Publish", o.Defaults.Publish},
		{"Defaults.Subscribe", o.Defaults.Subscribe},
		{"Anonymous.Publish", anonymous.Publish},
		{"Anonymous.Subscribe", anonymous.Subscribe},
	} {
		if err := checkFilters(g.list, o.MaxTopic); err != nil {
			return fmt.Errorf("auth: %s: %w", g.option, err)
		}
	}
	return nil
}

func checkFilters(list []string, max int) error {
	for _, f := range list {
		if err := topic.CheckFilter(f, max); err != nil {
			return fmt.Errorf("%.80q: %w", f, err)
		}
	}
	return nil
}

// expand puts the user into filters. A name that would be more than one level, or a
// wildcard, or lead to the server's own topics, would give rights over others' topics:
// the filter is left out then, and also where it gets too long.
func expand(list []string, user string, max int) []string {
	out := make([]string, 0, len(list))
	for _, f := range list {
		if strings.Contains(f, userTemplate) {
			if user == "" || strings.ContainsAny(user, "/+#\x00") {
				continue
			}
			if strings.HasPrefix(f, userTemplate) && user[0] == '$' {
				continue
			}
			f = strings.ReplaceAll(f, userTemplate, user)
			if topic.CheckFilter(f, max) != nil {
				continue
			}
		}
		out = append(out, f)
	}
	return out
}
