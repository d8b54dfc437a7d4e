/** Files of examples/deploy, and what they give to the processes. */
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { parse, parseAllDocuments } from "yaml"

export const root = Path.join(import.meta.dirname, "../../..")
export const folder = Path.join(root, "examples/deploy")

export const read = (file: string): string => Fs.readFileSync(Path.join(folder, file), "utf8")

/** Returns the documents of a file. `<<` merges a map, as Compose does. */
export const documents = (file: string): ReadonlyArray<unknown> =>
  parseAllDocuments(read(file), { merge: true }).map((document) => {
    const [error] = document.errors
    if (error !== undefined) throw error
    return document.toJS()
  })

export const kubernetesFiles = Fs.readdirSync(Path.join(folder, "kubernetes")).map((name) => `kubernetes/${name}`)

const Variable = Schema.Struct({
  name: Schema.String,
  value: Schema.optionalKey(Schema.String),
  valueFrom: Schema.optionalKey(Schema.Struct({ fieldRef: Schema.Struct({ fieldPath: Schema.String }) })),
})

const Probe = Schema.Struct({ httpGet: Schema.Struct({ path: Schema.String, port: Schema.String }) })

const Labels = Schema.Record(Schema.String, Schema.String)

export const StatefulSet = Schema.Struct({
  spec: Schema.Struct({
    serviceName: Schema.String,
    template: Schema.Struct({
      metadata: Schema.Struct({ labels: Labels, annotations: Labels }),
      spec: Schema.Struct({
        serviceAccountName: Schema.String,
        containers: Schema.Tuple([
          Schema.Struct({
            ports: Schema.Array(Schema.Struct({ name: Schema.String, containerPort: Schema.Number })),
            env: Schema.Array(Variable),
            startupProbe: Probe,
            livenessProbe: Probe,
            readinessProbe: Probe,
            volumeMounts: Schema.Array(Schema.Struct({ name: Schema.String, mountPath: Schema.String })),
          }),
        ]),
      }),
    }),
  }),
})

export const statefulSet = Schema.decodeUnknownSync(StatefulSet)(documents("kubernetes/statefulset.yaml")[0])

export const [container] = statefulSet.spec.template.spec.containers

/** Variables of a process. */
export type Variables = Readonly<Record<string, string>>

/** Returns the variables of a pod, with `$(NAME)` replaced as Kubernetes does. */
export const variablesOfPod = (fields: Variables): Variables => {
  const found: Record<string, string> = {}
  for (const { name, value, valueFrom } of container.env) {
    const text = value ?? fields[valueFrom?.fieldRef.fieldPath ?? ""] ?? ""
    found[name] = text.replaceAll(/\$\((\w+)\)/g, (all, other: string) => found[other] ?? all)
  }
  return found
}

const Service = Schema.Struct({
  environment: Schema.Record(Schema.String, Schema.String),
  networks: Schema.Struct({ cluster: Schema.Struct({ aliases: Schema.Array(Schema.String) }) }),
  secrets: Schema.Array(Schema.String),
  ports: Schema.optionalKey(Schema.Array(Schema.String)),
  build: Schema.String,
  stop_grace_period: Schema.String,
  restart: Schema.Literals(["no", "always", "on-failure", "unless-stopped"]),
  read_only: Schema.Boolean,
  cap_drop: Schema.Array(Schema.String),
  security_opt: Schema.Array(Schema.String),
  ulimits: Schema.Struct({ nofile: Schema.Struct({ soft: Schema.Number, hard: Schema.Number }) }),
})

/** The part of the format of Compose that the file uses. */
export const Compose = Schema.Struct({
  name: Schema.String,
  services: Schema.Record(Schema.String, Service),
  networks: Schema.Record(Schema.String, Schema.Struct({})),
  secrets: Schema.Record(Schema.String, Schema.Struct({ file: Schema.String })),
})

/** Returns the value of compose.yaml without its fragments, whose names begin with `x-`. */
export const composeValue = (): unknown => {
  const value: unknown = documents("compose.yaml")[0]
  return Object.fromEntries(Object.entries(Object(value)).filter(([key]) => !key.startsWith("x-")))
}

/** Returns the variables that the systemd unit sets, with its specifiers replaced. */
export const variablesOfUnit = (specifiers: Variables): Variables =>
  Object.fromEntries(
    [...read("shop@.service").matchAll(/^Environment=(.*)$/gm)].flatMap(([, line = ""]) =>
      line.split(" ").map((assignment) => {
        const [name = "", ...value] = assignment.split("=")
        return [name, value.join("=").replaceAll(/%[a-z]/g, (specifier) => specifiers[specifier] ?? specifier)]
      }),
    ),
  )

export interface Rule {
  readonly alert: string
  readonly expr: string
}

const Rules = Schema.Struct({
  groups: Schema.Array(
    Schema.Struct({ rules: Schema.Array(Schema.Struct({ alert: Schema.String, expr: Schema.String })) }),
  ),
})

export const rules = (): ReadonlyArray<Rule> =>
  Schema.decodeUnknownSync(Rules)(parse(read("prometheus/rules.yaml"))).groups.flatMap(({ rules }) => rules)

const Panel = Schema.Struct({
  id: Schema.Number,
  type: Schema.String,
  title: Schema.String,
  gridPos: Schema.Struct({ h: Schema.Number, w: Schema.Number, x: Schema.Number, y: Schema.Number }),
  datasource: Schema.optionalKey(Schema.Struct({ type: Schema.Literal("prometheus"), uid: Schema.String })),
  description: Schema.optionalKey(Schema.String),
  targets: Schema.optionalKey(Schema.Array(Schema.Struct({ refId: Schema.String, expr: Schema.String }))),
})

const Dashboard = Schema.Struct({
  panels: Schema.Array(Panel),
  templating: Schema.Struct({
    list: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        query: Schema.Union([Schema.String, Schema.Struct({ query: Schema.String })]),
      }),
    ),
  }),
})

export const dashboard = (): typeof Dashboard.Type =>
  Schema.decodeUnknownSync(Dashboard)(JSON.parse(read("grafana/dashboard.json")))

/** Returns the expressions of the panels of the dashboard, with its variables replaced. */
export const panelExpressions = (): ReadonlyArray<string> =>
  dashboard()
    .panels.flatMap(({ targets = [] }) => targets)
    .map(({ expr }) =>
      expr.replaceAll("$__rate_interval", "2m").replaceAll("$cluster", "shop").replaceAll("$node", ".+"),
    )
