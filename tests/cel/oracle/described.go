package main

import (
	"encoding/base64"
	"fmt"
	"math"
	"sort"
	"strconv"
	"time"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"

	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	celschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	apiservercel "k8s.io/apiserver/pkg/cel"
	"k8s.io/apiserver/pkg/cel/mutation"
	"k8s.io/apiserver/pkg/cel/mutation/dynamic"
)

// described is a CEL value as a pair of its type's name and a JSON value that loses nothing.
func described(val ref.Val) any {
	switch v := val.(type) {
	case types.Bool:
		return []any{"bool", bool(v)}
	case types.Int:
		return []any{"int", strconv.FormatInt(int64(v), 10)}
	case types.Uint:
		return []any{"uint", strconv.FormatUint(uint64(v), 10)}
	case types.Double:
		if math.IsNaN(float64(v)) {
			return []any{"double", "NaN"}
		}
		return []any{"double", strconv.FormatFloat(float64(v), 'g', -1, 64)}
	case types.String:
		return []any{"string", string(v)}
	case types.Bytes:
		return []any{"bytes", base64.StdEncoding.EncodeToString([]byte(v))}
	case types.Null:
		return []any{"null_type", nil}
	case types.Timestamp:
		return []any{"timestamp", v.Time.UTC().Format(time.RFC3339Nano)}
	case types.Duration:
		return []any{"duration", strconv.FormatInt(v.Duration.Nanoseconds(), 10)}
	case *types.Type:
		return []any{"type", v.TypeName()}
	case *types.Optional:
		if !v.HasValue() {
			return []any{"optional", nil}
		}
		return []any{"optional", described(v.GetValue())}
	case apiservercel.Quantity:
		return []any{"quantity", v.Quantity.String()}
	case *apiservercel.Quantity:
		return []any{"quantity", v.Quantity.String()}
	case apiservercel.IP:
		return []any{"ip", v.Addr.String()}
	case apiservercel.CIDR:
		return []any{"cidr", v.Prefix.String()}
	case apiservercel.URL:
		return []any{"url", v.URL.String()}
	case apiservercel.Semver:
		return []any{"semver", v.Version.String()}
	case apiservercel.Format:
		return []any{"format", v.Name}
	case *dynamic.ObjectVal:
		return []any{v.Type().TypeName(), v.Value()}
	case *mutation.JSONPatchVal:
		parts := []any{v.Op, v.Path, v.From}
		if v.Val != nil {
			parts = append(parts, described(v.Val))
		}
		return []any{"JSONPatch", parts}
	case traits.Lister:
		items := []any{}
		for it := v.Iterator(); it.HasNext() == types.True; {
			items = append(items, described(it.Next()))
		}
		return []any{"list", items}
	case traits.Mapper:
		return []any{"map", entries(v)}
	}
	return []any{"other", fmt.Sprintf("%T %v", val, val)}
}

func entries(mapper traits.Mapper) []any {
	pairs := []any{}
	for it := mapper.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		if key == nil {
			continue
		}
		pairs = append(pairs, []any{described(key), described(mapper.Get(key))})
	}
	sort.Slice(pairs, func(i, j int) bool { return fmt.Sprint(pairs[i]) < fmt.Sprint(pairs[j]) })
	return pairs
}

// activation binds self and oldSelf as apiextensions does.
func activation(question evaluateQuestion, sts *schema.Structural) (map[string]any, error) {
	if question.Root {
		sts = model.WithTypeAndObjectMeta(sts)
	}
	self, err := value(question.Self)
	if err != nil {
		return nil, err
	}
	old, err := value(question.OldSelf)
	if err != nil {
		return nil, err
	}
	variables := map[string]any{celschema.ScopedVarName: celschema.UnstructuredToVal(self, sts)}
	switch {
	case old != nil && question.Optional:
		variables[celschema.OldScopedVarName] = types.OptionalOf(celschema.UnstructuredToVal(old, sts))
	case old != nil:
		variables[celschema.OldScopedVarName] = celschema.UnstructuredToVal(old, sts)
	case question.Optional:
		variables[celschema.OldScopedVarName] = types.OptionalNone
	}
	return variables, nil
}
