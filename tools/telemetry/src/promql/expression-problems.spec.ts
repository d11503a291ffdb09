import { resolve } from 'node:path';
import { committedCatalogue } from '../generate';
import { expressionProblems } from './expression-problems';

const catalogue = committedCatalogue(resolve(__dirname, '..', '..', '..', '..'));
const problemsOf = (expression: string): string[] => expressionProblems(expression, catalogue);

describe('an expression', () => {
  it.each([
    'sum by (namespace, job) (raftway_raft_is_leader) == 0',
    'rate(raftway_gateway_calls_total{code="OK", instance=~"$instance"}[$__rate_interval])',
    'histogram_quantile(0.9, sum by (le) (rate(raftway_raft_commit_duration_seconds_bucket[5m])))',
    'up{job="gateway"} == 0',
  ])('is fine when it parses and all of its names exist: %s', (expression) => {
    expect(problemsOf(expression)).toEqual([]);
  });

  it.each([
    ['', 'it is empty'],
    ['sum by (job (raftway_raft_term)', 'it does not parse at'],
    ['rate(raftway_gateway_calls_total[5m]', 'it does not parse at'],
    ['raftway_raft_terms', 'no app has raftway_raft_terms'],
    ['raftway_raft_term_bucket', 'no app has raftway_raft_term_bucket'],
    ['raftway_raft_term{peer="1"}', 'raftway_raft_term has no label peer'],
    ['raftway_raft_commit_duration_seconds_sum{le="1"}', 'has no label le'],
    ['sum by (peer) (raftway_raft_term)', 'no metric in it has the label peer'],
  ])('is told what is wrong with it: %s', (expression, problem) => {
    expect(problemsOf(expression)).toContainEqual(expect.stringContaining(problem));
  });
});
