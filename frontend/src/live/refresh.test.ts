import { describe, expect, it } from 'vitest';
import { effectOf } from './refresh';

const at = (type: string) => effectOf({ type, cursor: '1-a-1' }).keys.map((key) => key.join(' '));

describe('what an event marks as out of date', () => {
  it('is the lists that show it', () => {
    expect(at('ConsultationProgressed')).toContain('consultations');
    expect(at('SalesmanMatched')).toEqual(
      expect.arrayContaining(['salesman-matches', 'consultations', 'interests']),
    );
    expect(at('projects-changed')).toContain('projects');
  });

  it('is everything for a type that this version does not know', () => {
    expect(effectOf({ type: 'SomethingNew', cursor: '1-a-1' }).keys).toEqual([[]]);
  });
});
