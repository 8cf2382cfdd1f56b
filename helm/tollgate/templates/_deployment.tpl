{{/* Secrets of a component, as JSON: a list of `name`, `secret` and `path`. They are files: nothing of them is seen in the
pod's definition. A new value is read at the next start. */}}
{{- define "tollgate.secretMounts" -}}
{{- $mounts := list -}}
{{- if .root.Values.mtls.enabled -}}
{{- $mounts = append $mounts (dict "name" "tls" "secret" (include "tollgate.tlsSecret" .) "path" "/etc/tollgate-secrets/tls") -}}
{{- end -}}
{{- if and (eq .kind "gateway") .settings.tls.existingSecret -}}
{{- $mounts = append $mounts (dict "name" "https" "secret" .settings.tls.existingSecret "path" "/etc/tollgate-secrets/https") -}}
{{- end -}}
{{- if and (eq .kind "budget") .root.Values.redis.auth.existingSecret -}}
{{- $mounts = append $mounts (dict "name" "redis" "secret" .root.Values.redis.auth.existingSecret "path" "/etc/tollgate-secrets/redis") -}}
{{- end -}}
{{- if eq .kind "adapter" -}}
{{- if and .settings.apiKey .settings.apiKey.existingSecret -}}
{{- $mounts = append $mounts (dict "name" "upstream" "secret" .settings.apiKey.existingSecret "path" "/etc/tollgate-secrets/upstream") -}}
{{- end -}}
{{- range $i, $mount := .settings.secretMounts -}}
{{- $mounts = append $mounts (dict "name" (printf "secret-%d" $i) "secret" $mount.secret "path" $mount.path) -}}
{{- end -}}
{{- end -}}
{{- toJson (dict "mounts" $mounts) -}}
{{- end -}}

{{- define "tollgate.catalogMap" -}}
{{- if .Values.catalog.existingConfigMap -}}
{{ .Values.catalog.existingConfigMap }}
{{- else if .Values.catalog.content -}}
{{ include "tollgate.fullname" . }}-catalog
{{- end -}}
{{- end -}}

{{- define "tollgate.deployment" -}}
{{- $values := .root.Values -}}
{{- $mounts := (include "tollgate.secretMounts" . | fromJson).mounts -}}
{{- $catalog := ternary (include "tollgate.catalogMap" .root) "" (eq .kind "router") -}}
{{- $probe := ternary "health" "grpc" (and $values.mtls.enabled (ne .kind "gateway")) -}}
{{- $probePort := ternary 8789 8788 (eq $probe "health") -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "tollgate.metadata" . | nindent 2 }}
spec:
  {{- if not .settings.autoscaling.enabled }}
  replicas: {{ .settings.replicas }}
  {{- end }}
  revisionHistoryLimit: 3
  # A new pod serves before an old one begins to drain.
  minReadySeconds: 5
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 0
      maxSurge: 1
  selector:
    matchLabels:
      {{- include "tollgate.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "tollgate.labels" . | nindent 8 }}
        {{- with .settings.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        checksum/config: {{ include (printf "tollgate.config.%s" .kind) . | sha256sum }}
        {{- if and $catalog $values.catalog.content }}
        checksum/catalog: {{ $values.catalog.content | sha256sum }}
        {{- end }}
        {{- with .settings.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ include "tollgate.fullname" .root }}-{{ .component }}
      automountServiceAccountToken: false
      enableServiceLinks: false
      {{- with $values.image.pullSecrets }}
      imagePullSecrets:
        {{- range . }}
        - name: {{ . }}
        {{- end }}
      {{- end }}
      # What runs ends by itself within drain.seconds; the rest is for settling.
      terminationGracePeriodSeconds: {{ add $values.drain.preStopSeconds $values.drain.seconds 20 }}
      securityContext:
        {{- include "tollgate.podSecurity" 65532 | nindent 8 }}
      containers:
        - name: {{ .kind }}
          image: {{ include "tollgate.image" (list $values.image .root.Chart.AppVersion) }}
          imagePullPolicy: {{ $values.image.pullPolicy }}
          command: [tollgate-{{ .kind }}]
          args: [--config, /etc/tollgate/tollgate.json]
          {{- with .settings.env }}
          env:
            {{- toYaml . | nindent 12 }}
          {{- end }}
          ports:
            {{- if eq .kind "gateway" }}
            - {name: http, containerPort: 8787}
            {{- end }}
            - {name: grpc, containerPort: 8788}
            {{- if eq $probe "health" }}
            - {name: health, containerPort: 8789}
            {{- end }}
            - {name: metrics, containerPort: 9090}
          lifecycle:
            preStop:
              sleep:
                seconds: {{ $values.drain.preStopSeconds }}
          startupProbe:
            grpc: {port: {{ $probePort }}}
            periodSeconds: 1
            failureThreshold: 60
          readinessProbe:
            grpc: {port: {{ $probePort }}}
            periodSeconds: 5
            timeoutSeconds: 2
            failureThreshold: 2
          # A process that is merely busy is not killed: its streams would die with it.
          livenessProbe:
            grpc: {port: {{ $probePort }}}
            periodSeconds: 10
            timeoutSeconds: 5
            failureThreshold: 6
          resources:
            {{- toYaml .settings.resources | nindent 12 }}
          securityContext:
            {{- include "tollgate.containerSecurity" . | nindent 12 }}
          volumeMounts:
            - {name: config, mountPath: /etc/tollgate, readOnly: true}
            {{- range $mounts }}
            - {name: {{ .name }}, mountPath: {{ .path }}, readOnly: true}
            {{- end }}
      topologySpreadConstraints:
        {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
        - maxSkew: 1
          topologyKey: {{ . }}
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "tollgate.selector" $ | nindent 14 }}
          matchLabelKeys: [pod-template-hash]
        {{- end }}
      {{- range $name := list "nodeSelector" "tolerations" "affinity" }}
      {{- with index $.settings $name }}
      {{ $name }}:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- end }}
      volumes:
        - name: config
          projected:
            sources:
              - configMap:
                  name: {{ include "tollgate.fullname" .root }}-{{ .component }}
              {{- if $catalog }}
              - configMap:
                  name: {{ $catalog }}
              {{- end }}
        {{- range $mounts }}
        - name: {{ .name }}
          secret:
            secretName: {{ .secret }}
            defaultMode: 0440
        {{- end }}
{{- end -}}
