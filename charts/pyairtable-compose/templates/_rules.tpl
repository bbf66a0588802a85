{{- /* What the operator does in the namespaces that it watches, and why. */}}
{{- define "pyairtable.watchedRules" -}}
# The bases and workflows to deploy for.
- apiGroups: [pyairtable.dev]
  resources: [airtablebases, workflows]
  verbs: [list, watch]
# The finalizer that keeps a worker or a gateway while sagas need it.
- apiGroups: [pyairtable.dev]
  resources: [airtablebases, workflows]
  verbs: [patch]
# The sagas to drive. patch: finalizer and start marker; get: after a conflict; delete: when ttlSecondsAfterFinished is over.
- apiGroups: [pyairtable.dev]
  resources: [sagas]
  verbs: [get, list, watch, patch, delete]
# What was found; of a saga, its journal.
- apiGroups: [pyairtable.dev]
  resources: [airtablebases/status, workflows/status, sagas/status]
  verbs: [patch]
# Children block the deletion of their owner, which clusters with OwnerReferencesPermissionEnforcement ask this for.
- apiGroups: [pyairtable.dev]
  resources: [airtablebases/finalizers, workflows/finalizers]
  verbs: [update]
# Whether a Secret that a resource names has its key, and the token of an external service. Only by name: no list, no watch.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
# Gateways and workers, and the repair of their drift.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [services, serviceaccounts, configmaps]
  verbs: [get, list, watch, create, patch]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch]
# How many pods of a gateway may be evicted at once; deleted where there is only one again.
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
# Volumes of the ledgers.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, create, patch]
# The definition that a saga started with; old ones that no saga uses any more are deleted.
- apiGroups: [apps]
  resources: [controllerrevisions]
  verbs: [get, list, create, patch, delete]
# Why a gateway or worker does not start.
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
# What happened; patch counts repetitions.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
