import { sumInPage } from './prometheus';

const PAGE = `# HELP calls_total Calls.
calls_total{method="Put",code="OK"} 7
calls_total{method="Get",code="OK"} 5
calls_total{method="Put",code="Internal"} 3
calls_total_created 99
leader 1
`;

describe('sumInPage', () => {
  it('adds the samples that have all labels', () => {
    expect(sumInPage(PAGE, 'calls_total', [])).toBe(15);
    expect(sumInPage(PAGE, 'calls_total', ['code="OK"'])).toBe(12);
    expect(sumInPage(PAGE, 'calls_total', ['code="OK"', 'method="Put"'])).toBe(7);
  });

  it('reads samples without labels', () => {
    expect(sumInPage(PAGE, 'leader', [])).toBe(1);
  });

  it('is zero for what is not there', () => {
    expect(sumInPage(PAGE, 'calls', [])).toBe(0);
  });
});
