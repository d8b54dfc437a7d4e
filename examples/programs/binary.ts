import { Cluster, Topic } from "@coterie/core"
import { SchemaBinary } from "@coterie/schema-binary"
import { Schema } from "effect"

const Order = Schema.Struct({ id: Schema.String, total: Schema.Finite })

/** Uses the binary format for this topic, whatever format the node uses. */
export const Orders = Topic.make("orders", Order, { serialization: SchemaBinary.schemaBinary })

/** Uses the binary format for all topics without their own serialization. The transport must be provided. */
export const ClusterLive = (name: string) =>
  Cluster.layer({ cluster: "shop", name, seeds: ["a"], policies: [SchemaBinary.layerSchemaBinary] })
