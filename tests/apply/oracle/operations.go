package main

import (
	"bytes"
	"encoding/json"
	"sort"
	"strings"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
)

// Members of a map are visited in any order, so that one object can be told
// off in several ways.  This many tries show most of them.
const tries = 200

func do(types *Types, r Request) Answer {
	switch r.Op {
	case "schema":
		return failed(types.custom(r.Schema))
	case "builtin":
		types.useBuiltIn()
		return Answer{}
	case "check":
		return check(types, r)
	case "parse":
		set, err := parsed(r.Fields)
		if err != nil {
			return failed(err)
		}
		answer := sets(map[string]*fieldpath.Set{"set": set})
		set.Iterate(func(path fieldpath.Path) { answer.Paths = append(answer.Paths, path.String()) })
		return answer
	case "sets":
		return setOperations(r)
	case "named", "reconcile":
		return seenWithSchema(types, r)
	}
	return typedOperation(types, r)
}

func failed(err error) Answer {
	if err == nil {
		return Answer{}
	}
	return Answer{Error: []string{err.Error()}}
}

func check(types *Types, r Request) Answer {
	options := []typed.ValidationOptions{}
	if r.Flag {
		options = append(options, typed.AllowDuplicates)
	}
	found := map[string]bool{}
	for try := 0; try < tries; try++ {
		_, err := types.value(r.Object, options...)
		if err == nil {
			return Answer{}
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) == 1 && !strings.Contains(lines[0], "not declared") && !strings.Contains(lines[0], "map[") {
			return failed(err)
		}
		sort.Strings(lines)
		found[strings.Join(lines, "\n")] = true
	}
	var answer Answer
	for text := range found {
		answer.Error = append(answer.Error, text)
	}
	return answer
}

func parsed(text json.RawMessage) (*fieldpath.Set, error) {
	set := fieldpath.NewSet()
	return set, set.FromJSON(bytes.NewReader(text))
}

func mustParse(text json.RawMessage) *fieldpath.Set {
	set, err := parsed(text)
	if err != nil {
		panic(err)
	}
	return set
}

func sets(all map[string]*fieldpath.Set) Answer {
	texts := map[string]string{}
	for name, set := range all {
		text, err := set.ToJSON()
		if err != nil {
			return failed(err)
		}
		texts[name] = string(text)
	}
	return Answer{Sets: texts}
}

func setOperations(r Request) Answer {
	one, other := mustParse(r.Fields), mustParse(r.More)
	return sets(map[string]*fieldpath.Set{
		"union":        one.Union(other),
		"intersection": one.Intersection(other),
		"difference":   one.Difference(other),
		"recursive":    one.RecursiveDifference(other),
		"leaves":       one.Leaves(),
	})
}

func seenWithSchema(types *Types, r Request) Answer {
	set := mustParse(r.Fields)
	if r.Op == "named" {
		return sets(map[string]*fieldpath.Set{"set": set.EnsureNamedFieldsAreMembers(types.reference())})
	}
	value, err := types.value(json.RawMessage(`{}`))
	if err != nil {
		return failed(err)
	}
	changed, err := typed.ReconcileFieldSetWithSchema(set, value)
	if err != nil {
		return failed(err)
	}
	if changed != nil {
		set = changed
	}
	return sets(map[string]*fieldpath.Set{"set": set})
}

func typedOperation(types *Types, r Request) Answer {
	value, err := types.value(r.Object, typed.AllowDuplicates)
	if err != nil {
		return failed(err)
	}
	switch r.Op {
	case "fields":
		set, err := value.ToFieldSet()
		if err != nil {
			return failed(err)
		}
		return sets(map[string]*fieldpath.Set{"set": set})
	case "compare":
		other, err := types.value(r.Other, typed.AllowDuplicates)
		if err != nil {
			return failed(err)
		}
		found, err := value.Compare(other)
		if err != nil {
			return failed(err)
		}
		return sets(map[string]*fieldpath.Set{
			"added": found.Added, "modified": found.Modified, "removed": found.Removed,
		})
	case "merge":
		config, err := types.value(r.Other)
		if err != nil {
			return failed(err)
		}
		merged, err := value.Merge(config)
		if err != nil {
			return failed(err)
		}
		return object(merged)
	case "remove":
		return object(value.RemoveItems(mustParse(r.Fields)))
	}
	return Answer{Error: []string{"unknown operation: " + r.Op}}
}

func object(value *typed.TypedValue) Answer {
	text, err := json.Marshal(value.AsValue().Unstructured())
	if err != nil {
		return failed(err)
	}
	return Answer{Object: text}
}
