{{/* Where a Secret with an upstream's key is mounted. */}}
{{- define "tollgate.apiKeyFile" -}}
/etc/tollgate-secrets/upstream/{{ .apiKey.key | default "api-key" }}
{{- end -}}

{{/* The members of one upstream in the configuration file, as JSON. */}}
{{- define "tollgate.upstream" -}}
{{- $config := deepCopy (.config | default dict) -}}
{{- if and .apiKey .apiKey.existingSecret -}}
{{- $_ := set $config "api_key" (printf "${file:%s}" (include "tollgate.apiKeyFile" .)) -}}
{{- end -}}
{{- toJson $config -}}
{{- end -}}

{{/* What every service has in its configuration. */}}
{{- define "tollgate.commonConfig" -}}
{{- $values := .root.Values -}}
{{- $timeouts := dict "drain_ms" (mul 1000 (int $values.drain.seconds)) -}}
{{- $config := deepCopy $values.config -}}
{{- $_ := set $config "timeouts" (merge $timeouts (get $config "timeouts" | default dict)) -}}
{{- $listen := dict "grpc" (printf "%s:8788" $values.bindAddress) -}}
{{- if and $values.mtls.enabled (ne .component "gateway") -}}
{{- $_ := set $listen "health" (printf "%s:8789" $values.bindAddress) -}}
{{- end -}}
{{- $_ := set $config "listen" $listen -}}
{{- $_ := set $config "telemetry" (merge (dict "metrics" (printf "%s:9090" $values.bindAddress)) (get $config "telemetry" | default dict)) -}}
{{- $_ := set $config "threads" (int .settings.threads) -}}
{{- $services := dict -}}
{{- if $values.mtls.enabled -}}
{{- $_ := set $services "tls" (dict "ca_file" "/etc/tollgate-secrets/tls/ca.crt" "certificate_file" "/etc/tollgate-secrets/tls/tls.crt" "key_file" "/etc/tollgate-secrets/tls/tls.key") -}}
{{- end -}}
{{- $_ := set $config "services" $services -}}
{{- toJson $config -}}
{{- end -}}

{{- define "tollgate.config.gateway" -}}
{{- $config := include "tollgate.commonConfig" . | fromJson -}}
{{- $_ := set $config.listen "http" (printf "%s:8787" .root.Values.bindAddress) -}}
{{- if .root.Values.gateway.tls.existingSecret -}}
{{- $_ := set $config.listen "tls" (dict "certificate_file" "/etc/tollgate-secrets/https/tls.crt" "key_file" "/etc/tollgate-secrets/https/tls.key") -}}
{{- end -}}
{{- range list "router" "budget" -}}
{{- $_ := set $config.services . (include "tollgate.target" (dict "root" $.root "component" .)) -}}
{{- end -}}
{{- toPrettyJson $config -}}
{{- end -}}

{{- define "tollgate.config.router" -}}
{{- $config := include "tollgate.commonConfig" . | fromJson -}}
{{- $_ := set $config.services "budget" (include "tollgate.target" (dict "root" .root "component" "budget")) -}}
{{- $upstreams := dict -}}
{{- $adapters := dict -}}
{{- range $name, $upstream := .root.Values.upstreams -}}
{{- /* Files that only the adapter has. */ -}}
{{- $_ := set $upstreams $name (omit (include "tollgate.upstream" $upstream | fromJson) "credentials_file" "ca_file") -}}
{{- $_ := set $adapters $name (include "tollgate.target" (dict "root" $.root "component" (printf "adapter-%s" $name))) -}}
{{- end -}}
{{- $_ := set $config "upstreams" $upstreams -}}
{{- $_ := set $config.services "adapters" $adapters -}}
{{- if or .root.Values.catalog.content .root.Values.catalog.existingConfigMap -}}
{{- $_ := set $config "catalog" (dict "file" .root.Values.catalog.file) -}}
{{- end -}}
{{- toPrettyJson $config -}}
{{- end -}}

{{- define "tollgate.config.budget" -}}
{{- $config := include "tollgate.commonConfig" . | fromJson -}}
{{- $redis := deepCopy .root.Values.redis.external -}}
{{- if .root.Values.redis.enabled -}}
{{- $redis = dict "address" (printf "%s:6379" (include "tollgate.host" (dict "root" .root "component" "redis"))) -}}
{{- end -}}
{{- if .root.Values.redis.auth.existingSecret -}}
{{- $_ := set $redis "password" (printf "${file:/etc/tollgate-secrets/redis/%s}" .root.Values.redis.auth.key) -}}
{{- end -}}
{{- $_ := set $config "redis" $redis -}}
{{- toPrettyJson $config -}}
{{- end -}}

{{- define "tollgate.config.adapter" -}}
{{- $config := include "tollgate.commonConfig" . | fromJson -}}
{{- $_ := set $config "upstreams" (dict .upstream (include "tollgate.upstream" .settings | fromJson)) -}}
{{- toPrettyJson $config -}}
{{- end -}}
