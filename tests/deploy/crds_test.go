// Judges the kinds of deploy/ with the API server's own code: each CRD is one that it would accept,
// and each object of testdata/ gets exactly the answer that the file expects.
package deploy

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	schemavalidation "k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"
)

const crdFile = "../../deploy/plain/crds.yaml"

// One kind, ready to judge objects.
type kind struct {
	schema    *structuralschema.Structural
	validator schemavalidation.SchemaValidator
	rules     *cel.Validator
}

// The documents of a file, in order; comments alone are none.
func documents(t *testing.T, file string) [][]byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var found [][]byte
	for _, part := range bytes.Split(append([]byte("\n"), text...), []byte("\n---")) {
		var any map[string]interface{}
		if err := yaml.Unmarshal(part, &any); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if len(any) > 0 {
			found = append(found, part)
		}
	}
	return found
}

func scheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	made := runtime.NewScheme()
	install.Install(made)
	return made
}

// As the API server reads a CRD that is written: defaulted, in the internal version.
func readCRD(t *testing.T, s *runtime.Scheme, text []byte) *apiextensions.CustomResourceDefinition {
	t.Helper()
	var external apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &external); err != nil {
		t.Fatal(err)
	}
	s.Default(&external)
	var internal apiextensions.CustomResourceDefinition
	if err := s.Convert(&external, &internal, nil); err != nil {
		t.Fatal(err)
	}
	internal.Status.StoredVersions = []string{internal.Spec.Versions[0].Name}
	return &internal
}

func kinds(t *testing.T) map[string]kind {
	t.Helper()
	s := scheme(t)
	made := map[string]kind{}
	for _, text := range documents(t, crdFile) {
		crd := readCRD(t, s, text)
		schema, err := apiextensions.GetSchemaForVersion(crd, crd.Spec.Versions[0].Name)
		if err != nil {
			t.Fatal(err)
		}
		structural, err := structuralschema.NewStructural(schema.OpenAPIV3Schema)
		if err != nil {
			t.Fatal(err)
		}
		validator, _, err := schemavalidation.NewSchemaValidator(schema.OpenAPIV3Schema)
		if err != nil {
			t.Fatal(err)
		}
		made[crd.Spec.Names.Kind] = kind{structural, validator,
			cel.NewValidator(structural, true, celconfig.PerCallLimit)}
	}
	return made
}

// What the API server would say to an object that is created.
func (k kind) judge(object map[string]interface{}) []string {
	var said []string
	for _, unknown := range pruning.PruneWithOptions(object, k.schema, true,
		structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}) {
		said = append(said, "unknown field "+unknown)
	}
	defaulting.Default(object, k.schema)
	errs := schemavalidation.ValidateCustomResource(nil, object, k.validator)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, k.schema, object)...)
	if len(errs) == 0 { // as the server does: rules are for what fits the schema
		var broken field.ErrorList
		broken, _ = k.rules.Validate(context.Background(), nil, k.schema, object, nil,
			celconfig.RuntimeCELCostBudget)
		errs = append(errs, broken...)
	}
	for _, err := range errs {
		said = append(said, err.Error())
	}
	return said
}

func TestCRDsAreAccepted(t *testing.T) {
	s := scheme(t)
	var names []string
	for _, text := range documents(t, crdFile) {
		crd := readCRD(t, s, text)
		names = append(names, crd.Name)
		for _, err := range validation.ValidateCustomResourceDefinition(context.Background(), crd) {
			t.Errorf("%s: %v", crd.Name, err)
		}
	}
	slices.Sort(names)
	want := []string{"addresspools.sluice.edgeprime.io", "gatewayparameters.sluice.edgeprime.io",
		"nodereports.sluice.edgeprime.io"}
	if !slices.Equal(names, want) {
		t.Errorf("kinds: %v, want %v", names, want)
	}
}

// Each document of testdata/*.yaml is an object; its annotation "expect" holds a part of each
// answer, one a line, and is absent for an object that is accepted.
func TestObjectsAreJudged(t *testing.T) {
	byKind := kinds(t)
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files of objects: %v", err)
	}
	for _, file := range files {
		for _, text := range documents(t, file) {
			var object unstructured.Unstructured
			if err := yaml.Unmarshal(text, &object.Object); err != nil {
				t.Fatal(err)
			}
			t.Run(object.GetKind()+"/"+object.GetName(), func(t *testing.T) {
				want := strings.FieldsFunc(object.GetAnnotations()["expect"], func(r rune) bool { return r == '\n' })
				got := byKind[object.GetKind()].judge(object.Object)
				if len(got) != len(want) {
					t.Fatalf("said %q, want %q", got, want)
				}
				for i := range want {
					if !strings.Contains(got[i], want[i]) {
						t.Errorf("said %q, want %q", got[i], want[i])
					}
				}
			})
		}
	}
}
