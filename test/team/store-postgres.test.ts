import { describeWithPostgres, sharedPostgres } from '../helpers/team-database.ts'
import { transitionsSuite } from '../helpers/transitions.ts'

await describeWithPostgres('the changes of a team in PostgreSQL', (postgres) => {
  transitionsSuite({ runs: 20, share: async () => sharedPostgres(postgres()) })
})
