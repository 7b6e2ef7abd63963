import { describe, expect, it } from 'vitest';
import { linkOf, sourcesOf } from './source';

describe('linkOf', () => {
  it('opens addresses of the web only', () => {
    expect(linkOf('https://www.bizinfo.go.kr/a?b=1')).toBe('https://www.bizinfo.go.kr/a?b=1');
    expect(linkOf('javascript:alert(1)')).toBeUndefined();
    expect(linkOf('data:text/html,x')).toBeUndefined();
    expect(linkOf('/relative')).toBeUndefined();
    expect(linkOf(null)).toBeUndefined();
  });
});

describe('sourcesOf', () => {
  it('says each source once, by the line that the licence requires', () => {
    const names = { bizinfo: '기업마당' };
    const from = (line: string | null) => ({ source: { id: '1', name: 'bizinfo', line } });
    expect(
      sourcesOf([from(null), from(null), from('출처: 공공데이터포털'), { source: null }], names),
    ).toEqual(['기업마당', '공공데이터포털']);
  });
});
