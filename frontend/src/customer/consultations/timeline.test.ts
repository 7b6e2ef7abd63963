import { beforeAll, describe, expect, it } from 'vitest';
import { names } from '@/texts/names';
import { setLanguage } from '@/texts/texts';
import type { WholeConsultation } from './mine';
import { consultationTexts } from './texts';
import { authorOf, sentenceOfEntry, stepTimes } from './timeline';

type Entry = WholeConsultation['timeline'][number];

const t = consultationTexts.ko;
const base = { id: 'e', at: '2026-12-01T00:00:00Z', by: null };
const say = (part: object): string | undefined =>
  sentenceOfEntry({ ...base, ...part } as Entry, t, names.ko)?.replace(/[\u00A0\u2060]/gu, ' ');

describe('the timeline of a consultation', () => {
  beforeAll(() => setLanguage('ko'));

  it('says which date was changed, or that the memo was', () => {
    const dates = { dateFrom: '2026-12-05', dateTo: '2026-12-07' };
    expect(say({ kind: 'edited', ...dates, memoChanged: true })).toMatch(
      /희망일을 12\. 5\.\(토\)에서 12\. 7\.\(월\) ?로 바꿨어요/u,
    );
    expect(say({ kind: 'edited', dateFrom: '2026-12-05', dateTo: '2026-12-05' })).toBe(
      '메모를 고쳤어요',
    );
  });

  it('names who was matched, with or without a consultant', () => {
    const salesman = { id: 's', displayName: '김하늘' };
    const consultant = { id: 'c', displayName: '윤슬기' };
    expect(say({ kind: 'matched', salesman, consultant: null })).toBe(
      '담당자가 정해졌어요: 김하늘(영업대표)',
    );
    expect(say({ kind: 'rematched', salesman, consultant })).toBe(
      '담당자가 바뀌었어요: 김하늘(영업대표), 윤슬기(컨설턴트)',
    );
  });

  it('keeps notes of colleagues out', () => {
    expect(say({ kind: 'noted', text: '키오스크' })).toBeUndefined();
  });

  it('knows the author: me, a named colleague, or the system', () => {
    const by = (author: object | null): string | undefined =>
      authorOf({ ...base, kind: 'unmatched', by: author } as Entry, t, names.ko);
    expect(by({ id: 'k', role: 'customer', displayName: null })).toBe('나');
    expect(by({ id: 's', role: 'salesman', displayName: '김하늘' })).toBe('김하늘 영업대표');
    expect(by({ id: null, role: 'staff', displayName: null })).toBe('관리자');
    expect(by(null)).toBeUndefined();
  });

  it('takes the time of each step from the timeline', () => {
    const timeline = [
      { ...base, kind: 'progressed', from: 'apply', to: 'approved', at: '2026-12-02T00:00:00Z' },
    ];
    const whole = { createdAt: '2026-12-01T00:00:00Z', timeline } as unknown as WholeConsultation;
    expect(stepTimes(whole)).toEqual({
      apply: '2026-12-01T00:00:00Z',
      approved: '2026-12-02T00:00:00Z',
    });
  });
});
