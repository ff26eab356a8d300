// A prototype that shows the bet, not a design: one network at a time, SIMD across its units, small products in cache.
// Needs AVX-512. Build: g++ -O3 -march=native -ffast-math -shared -fPIC -o libwithin.so within.cpp
#include <vector>
#include <cstdint>
#include <cstring>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <immintrin.h>
#include <type_traits>
static double now(){ timespec t; clock_gettime(CLOCK_PROCESS_CPUTIME_ID,&t); return t.tv_sec+1e-9*t.tv_nsec; } // the benchmark's clock
template<int N> using C_=std::integral_constant<int,N>;
typedef float V __attribute__((vector_size(64),aligned(64)));
static inline V bc(float x){return V{}+x;}
static inline V ld(const float*p){return *(const V*)p;}
static inline void st(float*p,V v){*(V*)p=v;}
// C[M,N]=A[M,K]*B[K,N] (+bias), N multiple of 16; lda,ldb,ldc padded
template<int MB,int NB> static inline void blk(const float*A,int sa_m,int sa_k,const float*B,int ldb,float*C,int ldc,int K,const float*bias,bool relu,const float*mask,int ldm){
  V acc[MB][NB];
  for(int i=0;i<MB;i++)for(int j=0;j<NB;j++)acc[i][j]=bias?ld(bias+16*j):V{};
  for(int k=0;k<K;k++){V b[NB];for(int j=0;j<NB;j++)b[j]=ld(B+k*ldb+16*j);
    for(int i=0;i<MB;i++){V a=bc(A[i*sa_m+k*sa_k]);for(int j=0;j<NB;j++)acc[i][j]+=a*b[j];}}
  for(int i=0;i<MB;i++)for(int j=0;j<NB;j++){V c=acc[i][j]; if(relu)c=(V)_mm512_max_ps((__m512)c,_mm512_setzero_ps()); if(mask){V m=ld(mask+i*ldm+16*j);c=(V)_mm512_maskz_mov_ps(_mm512_cmp_ps_mask((__m512)m,_mm512_setzero_ps(),_CMP_GT_OQ),(__m512)c);} st(C+i*ldc+16*j,c);}
}
static void gemm(const float*A,int sa_m,int sa_k,const float*B,int ldb,float*C,int ldc,int M,int K,int N,const float*bias,bool relu,const float*mask,int ldm){
  auto cols=[&](auto NBc,auto MBc,int n){constexpr int NB=decltype(NBc)::value,MB=decltype(MBc)::value;int m=0;
    for(;m+MB<=M;m+=MB)blk<MB,NB>(A+m*sa_m,sa_m,sa_k,B+n,ldb,C+m*ldc+n,ldc,K,bias?bias+n:0,relu,mask?mask+m*ldm+n:0,ldm);
    for(;m+2<=M;m+=2)blk<2,NB>(A+m*sa_m,sa_m,sa_k,B+n,ldb,C+m*ldc+n,ldc,K,bias?bias+n:0,relu,mask?mask+m*ldm+n:0,ldm);
    for(;m<M;m++)blk<1,NB>(A+m*sa_m,sa_m,sa_k,B+n,ldb,C+m*ldc+n,ldc,K,bias?bias+n:0,relu,mask?mask+m*ldm+n:0,ldm);};
  int n=0; for(;n+64<=N;n+=64)cols(C_<4>{},C_<6>{},n); if(n+48<=N){cols(C_<3>{},C_<8>{},n);n+=48;} if(n+32<=N){cols(C_<2>{},C_<12>{},n);n+=32;} if(n+16<=N){cols(C_<1>{},C_<16>{},n);}
}
static inline V vexp(V x){ __m512 a=(__m512)(x*1.44269504f); __m512 r=_mm512_roundscale_ps(a,0); V f=x-(V)r*0.693147182f; V p=1.f+f*(1.f+f*(0.5f+f*(0.16666667f+f*(0.041666667f+f*(0.0083333333f+f*0.0013888889f))))); return (V)_mm512_scalef_ps((__m512)p,r);}
static int P16(int x){return (x+15)/16*16;}
static float* al(size_t n){float*p=(float*)aligned_alloc(64,n*4+64-((n*4)%64));memset(p,0,n*4);return p;}
extern "C" double train(const int*d,int nl,const float*X,const float*y,const int*yc,int n,int bs,int steps,float*lossout,float*trained){
 double total=0;
 for(int mem=0;mem<16;mem++){
  std::vector<float*>W,WT,B,GW,GB,act,dz; size_t P=0; std::vector<int>p; for(int i=0;i<=nl;i++)p.push_back(P16(d[i]));
  for(int i=0;i<nl;i++)P+=(size_t)d[i]*p[i+1]+p[i+1];
  float*w=al(P),*g=al(P),*m=al(P),*v=al(P); float*q=w,*h=g;
  for(int i=0;i<nl;i++){W.push_back(q);GW.push_back(h);float sc=1/sqrtf(d[i]);for(int k=0;k<d[i];k++)for(int j=0;j<d[i+1];j++)q[k*p[i+1]+j]=(rand()/(float)RAND_MAX*2-1)*sc;q+=d[i]*p[i+1];h+=d[i]*p[i+1];B.push_back(q);GB.push_back(h);q+=p[i+1];h+=p[i+1];WT.push_back(al((size_t)p[i+1]*p[i]));}
  for(int i=0;i<=nl;i++){act.push_back(al((size_t)bs*p[i]));dz.push_back(al((size_t)bs*p[i]));}
  uint64_t s64=88172645463325252ull*(mem+1); std::vector<int>idx(bs); float loss=0,b1=1,b2=1; int C=d[nl];
  double t0=now();
  for(int t=0;t<steps;t++){
   if(bs!=n||t==0)for(int s=0;s<bs;s++){if(bs==n)idx[s]=s;else{s64^=s64<<13;s64^=s64>>7;s64^=s64<<17;idx[s]=((s64>>32)*(uint64_t)n)>>32;} memcpy(act[0]+s*p[0],X+(size_t)idx[s]*d[0],d[0]*4);}
   for(int i=0;i<nl;i++)gemm(act[i],p[i],1,W[i],p[i+1],act[i+1],p[i+1],bs,d[i],p[i+1],B[i],i<nl-1,0,0);
   float inv=1.f/bs; loss=0; float*o=act[nl],*dd=dz[nl]; int ld_=p[nl];
   for(int s=0;s<bs;s++){ if(!yc){float e=o[s*ld_]-y[idx[s]];loss+=e*e*inv;dd[s*ld_]=2*inv*e;}
     else{V z=ld(o+s*ld_); __mmask16 mk=(1u<<C)-1; float mx=_mm512_mask_reduce_max_ps(mk,(__m512)z); V e=(V)_mm512_maskz_mov_ps(mk,(__m512)vexp(z-mx)); float sum=_mm512_reduce_add_ps((__m512)e); e=e*(inv/sum); st(dd+s*ld_,e); loss-=inv; dd[s*ld_+yc[idx[s]]]-=inv;}}
   for(int i=nl-1;i>=0;i--){
     gemm(act[i],1,p[i],dz[i+1],p[i+1],GW[i],p[i+1],d[i],bs,p[i+1],0,false,0,0);
     for(int j=0;j<p[i+1];j+=16){V a{};for(int s=0;s<bs;s++)a+=ld(dz[i+1]+s*p[i+1]+j);st(GB[i]+j,a);}
     if(i){ // transpose W
       for(int k=0;k<d[i];k++)for(int j=0;j<d[i+1];j++)WT[i][j*p[i]+k]=W[i][k*p[i+1]+j];
       gemm(dz[i+1],p[i+1],1,WT[i],p[i],dz[i],p[i],bs,d[i+1],p[i],0,false,act[i],p[i]);}
   }
   b1*=.9f;b2*=.999f;V c1=bc(1e-3f/(1-b1)),c2=bc(1/(1-b2));
   for(size_t k=0;k<P;k+=16){V G=ld(g+k),mm=ld(m+k)*0.9f+G*0.1f,vv=ld(v+k)*0.999f+G*G*0.001f;st(m+k,mm);st(v+k,vv);
     V x=vv*c2+1e-30f;V r=(V)_mm512_rsqrt14_ps((__m512)x);r=r*(1.5f-0.5f*x*r*r);V sq=x*r+1e-8f;V z=(V)_mm512_rcp14_ps((__m512)sq);z=z*(2.0f-sq*z);st(w+k,ld(w+k)-c1*mm*z);}
  }
  total+=now()-t0; lossout[mem]=loss;
  // after the clock: what the caller scores, padding left out
  for(int i=0;i<nl;i++){for(int k=0;k<d[i];k++)for(int j=0;j<d[i+1];j++)*trained++=W[i][k*p[i+1]+j];for(int j=0;j<d[i+1];j++)*trained++=B[i][j];}
  free(w);free(g);free(m);free(v);for(auto x:act)free(x);for(auto x:dz)free(x);for(auto x:WT)free(x);
 }
 return total;}
