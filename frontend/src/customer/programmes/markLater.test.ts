import { beforeEach, describe, expect, it } from 'vitest';
import { markLater, takeMarked } from './markLater';

const programme = { id: 'p', seriesId: 's', name: '수출바우처' };

describe('markLater', () => {
  beforeEach(() => sessionStorage.clear());

  it('gives the programme back once', () => {
    markLater(programme);
    expect(takeMarked()).toEqual(programme);
    expect(takeMarked()).toBeUndefined();
  });

  it('ignores what is no programme', () => {
    sessionStorage.setItem('ktgg-mark-later', '{"id":1}');
    expect(takeMarked()).toBeUndefined();
    sessionStorage.setItem('ktgg-mark-later', '{');
    expect(takeMarked()).toBeUndefined();
  });
});
