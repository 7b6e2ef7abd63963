import { describe, expect, it } from 'vitest';
import type { Consultation } from '@/api/types';
import { withConsultation } from './cache';

const one = (id: string): Consultation => ({
  id,
  version: 1,
  projectId: 'p',
  projectName: '수출바우처',
  projectState: 'known',
  desiredDate: '2026-03-04',
  memo: '',
  step: 'apply',
  nextSteps: ['approved', 'cancelled'],
  createdAt: '2026-03-01T00:00:00Z',
});
const approve = (consultation: Consultation): Consultation => ({
  ...consultation,
  step: 'approved',
});

describe('a consultation in the cache', () => {
  it('is changed where it stands alone', () => {
    expect(withConsultation(one('a'), 'a', approve).step).toBe('approved');
  });

  it('is changed in a list and in pages, and the others are not', () => {
    const pages = { pages: [{ items: [one('a'), one('b')] }, { items: [one('c')] }] };
    const changed = withConsultation(pages, 'b', approve);
    expect(changed.pages.map((page) => page.items.map((item) => item.step))).toEqual([
      ['apply', 'approved'],
      ['apply'],
    ]);
    expect(changed.pages[1]).toBe(pages.pages[1]);
  });

  it('leaves a value without it as it is', () => {
    const list = { items: [one('a')] };
    expect(withConsultation(list, 'z', approve)).toBe(list);
    expect(withConsultation(undefined, 'z', approve)).toBeUndefined();
    expect(withConsultation('text', 'z', approve)).toBe('text');
  });
});
