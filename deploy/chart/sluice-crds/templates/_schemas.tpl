{{- /* Parts of schemas that occur more than once, to be indented by the caller. */}}
{{- define "sluice-crds.labelSelector" -}}
type: object
properties:
  matchLabels:
    type: object
    maxProperties: 64
    additionalProperties:
      type: string
      maxLength: 63
      pattern: ^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$
  matchExpressions:
    type: array
    maxItems: 64
    x-kubernetes-list-type: atomic
    items:
      type: object
      required: [key, operator]
      properties:
        key:
          type: string
          minLength: 1
          maxLength: 253
        operator:
          type: string
          enum: [In, NotIn, Exists, DoesNotExist]
        values:
          type: array
          maxItems: 64
          x-kubernetes-list-type: atomic
          items:
            type: string
            maxLength: 63
            pattern: ^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$
      x-kubernetes-validations:
        - message: values must be given with In and NotIn, and only with them
          rule: (has(self.values) && self.values.size() > 0) == (self.operator in ['In', 'NotIn'])
{{- end }}
{{- define "sluice-crds.condition" -}}
type: object
required: [type, status, lastTransitionTime, reason, message]
properties:
  type:
    type: string
    maxLength: 316
    pattern: ^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$
  status:
    type: string
    enum: ["True", "False", Unknown]
  observedGeneration:
    type: integer
    format: int64
    minimum: 0
  lastTransitionTime:
    type: string
    format: date-time
  reason:
    type: string
    minLength: 1
    maxLength: 1024
    pattern: ^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$
  message:
    type: string
    maxLength: 32768
{{- end }}
{{- define "sluice-crds.timeout" -}}
type: string
maxLength: 32
pattern: ^([0-9]{1,5}(h|m|s|ms)){1,4}$
x-kubernetes-validations:
  - message: must be between 1ms and 24h
    rule: duration(self) >= duration('1ms') && duration(self) <= duration('24h')
{{- end }}
