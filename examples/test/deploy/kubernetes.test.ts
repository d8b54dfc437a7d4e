/** The Kubernetes files are valid, have no misspelt keys, and fit together and to the ports of the code. */
import * as AdminNode from "@coterie/admin/AdminNode"
import { Address } from "@coterie/core"
import { assert, describe, it } from "@effect/vitest"
import { validate as validateStatefulSet } from "kubernetes-models/_schemas/IoK8sApiAppsV1StatefulSet"
import { validate as validateService } from "kubernetes-models/_schemas/IoK8sApiCoreV1Service"
import { validate as validateServiceAccount } from "kubernetes-models/_schemas/IoK8sApiCoreV1ServiceAccount"
import { validate as validateNetworkPolicy } from "kubernetes-models/_schemas/IoK8sApiNetworkingV1NetworkPolicy"
import { validate as validateBudget } from "kubernetes-models/_schemas/IoK8sApiPolicyV1PodDisruptionBudget"
import * as Schema from "effect/Schema"
import * as DeployFiles from "./DeployFiles.ts"
import { WatchedValue } from "./WatchedValue.ts"

const Header = Schema.Struct({
  apiVersion: Schema.String,
  kind: Schema.String,
  metadata: Schema.Struct({ name: Schema.String }),
})

const validators = new Map([
  ["apps/v1 StatefulSet", validateStatefulSet],
  ["v1 Service", validateService],
  ["v1 ServiceAccount", validateServiceAccount],
  ["networking.k8s.io/v1 NetworkPolicy", validateNetworkPolicy],
  ["policy/v1 PodDisruptionBudget", validateBudget],
])

/** Returns the errors of an object of Kubernetes, and its keys that Kubernetes does not know. */
const problemsOf = (value: unknown): ReadonlyArray<string> => {
  const { apiVersion, kind } = Schema.decodeUnknownSync(Header)(value)
  const validate = validators.get(`${apiVersion} ${kind}`)
  if (validate === undefined) return [`${apiVersion} ${kind} has no validator`]
  const watched = new WatchedValue(value)
  if (!validate(watched.watched)) {
    return [JSON.stringify(Reflect.get(validate, "errors"))]
  }
  return watched.unread().map((path) => `${path} is unknown`)
}

const objects = DeployFiles.kubernetesFiles.flatMap(DeployFiles.documents)

const find = (kind: string): unknown => objects.find((value) => Schema.decodeUnknownSync(Header)(value).kind === kind)

/** Returns all values of a key, at any depth. */
const valuesOf = (key: string, value: unknown): ReadonlyArray<unknown> =>
  typeof value !== "object" || value === null
    ? []
    : Object.entries(value).flatMap(([name, child]) => [...(name === key ? [child] : []), ...valuesOf(key, child)])

describe("the Kubernetes files", () => {
  it("are valid objects without unknown keys", () => {
    assert.strictEqual(objects.length, 5)
    assert.deepStrictEqual(objects.flatMap(problemsOf), [])
  })

  it("would not pass with a mistake", () => {
    const inSpec = (key: string, to: unknown) => {
      const object: { readonly spec?: unknown } = structuredClone(Object(find("StatefulSet")))
      Object.assign(Object(object.spec), { [key]: to })
      return problemsOf(object)
    }
    assert.deepStrictEqual(inSpec("replica", 3), ["/spec/replica is unknown"])
    const labels = DeployFiles.statefulSet.spec.template.metadata
    const template = { metadata: labels, spec: { containers: [{ name: "shop", readynessProbe: {} }] } }
    assert.deepStrictEqual(inSpec("template", template), ["/spec/template/spec/containers/0/readynessProbe is unknown"])
    assert.match(inSpec("replicas", "3").join(), /integer/)
    assert.match(inSpec("selector", undefined).join(), /selector/)
    assert.match(inSpec("podManagementPolicy", "Paralel").join(), /enum/)
  })

  it("use the ports of the code", () => {
    const ports = [...valuesOf("port", objects), ...valuesOf("containerPort", objects)]
    const numbers = new Set(ports.filter((port) => typeof port === "number"))
    assert.deepStrictEqual(numbers, new Set([Address.defaultPort, AdminNode.defaultPort, 53]))
    const { annotations } = DeployFiles.statefulSet.spec.template.metadata
    assert.strictEqual(annotations["prometheus.io/port"], String(AdminNode.defaultPort))
  })

  it("refer to each other by names that exist", () => {
    const { template, serviceName } = DeployFiles.statefulSet.spec
    const { name } = Schema.decodeUnknownSync(Header)(find("Service")).metadata
    assert.strictEqual(serviceName, name)
    assert.strictEqual(
      template.spec.serviceAccountName,
      Schema.decodeUnknownSync(Header)(find("ServiceAccount")).metadata.name,
    )
    // Each selector of a pod of this application selects the pods of the StatefulSet.
    const selectors = [...valuesOf("matchLabels", objects), ...valuesOf("selector", find("Service"))]
    const own = selectors.filter((labels) => !/kube-dns|prometheus"|metadata\.name/.test(JSON.stringify(labels)))
    assert.isAtLeast(own.length, 6)
    for (const labels of own) assert.deepStrictEqual(labels, template.metadata.labels)
    const { livenessProbe, ports, readinessProbe, startupProbe } = DeployFiles.container
    const names = ports.map(({ name }) => name)
    for (const { httpGet } of [livenessProbe, readinessProbe, startupProbe]) assert.include(names, httpGet.port)
    for (const target of valuesOf("targetPort", objects)) assert.include(names, target)
  })
})
