{{- define "tollgate.redisConf" -}}
dir /data
appendonly yes
appendfsync {{ .Values.redis.appendfsync }}
save ""
# Nothing of a ledger may be forgotten to make room.
maxmemory-policy noeviction
# The NetworkPolicy, and the password where there is one, keep others out.
protected-mode no
{{ with .Values.redis.extraConfig }}{{ . }}
{{ end -}}
{{- end -}}
