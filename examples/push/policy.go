package main

import (
	"fmt"
	"strings"

	"github.com/weir-go/weir/push"
	"github.com/weir-go/weir/push/topic"
)

// policies is the flag -policy, which may be given several times: a word is the policy
// for all topics, filter=word that for those which a filter matches. The first filter
// that matches holds.
type policies struct {
	rules []rule
	rest  push.Policy
}

type rule struct {
	filter string
	policy push.Policy
}

var policyWords = map[string]push.Policy{
	"oldest":     push.DropOldest,
	"latest":     push.KeepLatest,
	"disconnect": push.Disconnect,
}

// String is the default, for -h.
func (p *policies) String() string {
	for word, policy := range policyWords {
		if p != nil && policy == p.rest {
			return word
		}
	}
	return ""
}

func (p *policies) Set(s string) error {
	filter, word := "", s
	if i := strings.LastIndexByte(s, '='); i >= 0 {
		filter, word = s[:i], s[i+1:]
	}
	policy, ok := policyWords[word]
	if !ok {
		return fmt.Errorf("want oldest, latest or disconnect, or filter=latest and the like")
	}
	if filter == "" && word == s {
		p.rest = policy
		return nil
	}
	if err := topic.CheckFilter(filter, 255); err != nil {
		return err
	}
	p.rules = append(p.rules, rule{filter, policy})
	return nil
}

// of is push.Config.Policy.
func (p *policies) of(name string) push.Policy {
	for _, r := range p.rules {
		if topic.Match(r.filter, name) {
			return r.policy
		}
	}
	return p.rest
}
