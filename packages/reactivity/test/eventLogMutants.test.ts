/** Mutation tests of the simulation of event log servers: the swarm must find the defect of each mutant. */
import { findMutants } from "../../core/test/simulation/findMutants.ts"
import { mutants } from "./eventLogMutants.ts"

findMutants("a mutant of event log storages is found", mutants)
