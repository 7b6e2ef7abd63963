import { beforeAll, expect, it } from 'vitest';
import { setLanguage } from '@/texts/texts';
import { leaveProblems, leaveText } from './leave';

beforeAll(() => setLanguage('ko'));

it('says a leave with its days, and whether work is handed over', () => {
  expect(leaveText(null)).toBe('없음');
  expect(leaveText({ from: '2031-03-16', until: '2031-03-20', handOver: true })).toContain(
    '맡은 일 넘김',
  );
});

it('wants both days in their order', () => {
  expect(leaveProblems({ from: '', until: '', handOver: false })).toEqual({ from: 'from' });
  expect(leaveProblems({ from: '2026-03-16', until: '', handOver: false })).toEqual({
    until: 'until',
  });
  expect(leaveProblems({ from: '2026-03-16', until: '2026-03-13', handOver: false })).toEqual({
    until: 'order',
  });
  expect(leaveProblems({ from: '2026-03-16', until: '2026-03-16', handOver: false })).toEqual({});
});
