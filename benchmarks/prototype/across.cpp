// A prototype that shows the bet, not a design: each SIMD lane trains one MLP (relu; MSE or cross-entropy; Adam).
// Needs AVX-512. Build: g++ -O3 -march=native -ffast-math -shared -fPIC -o libacross.so across.cpp
#include <vector>
#include <cstdint>
#include <cstring>
#include <cmath>
#include <cstdlib>
#include <cstdio>
#include <ctime>
#include <immintrin.h>
#include <type_traits>
static double now(){ timespec t; clock_gettime(CLOCK_PROCESS_CPUTIME_ID,&t); return t.tv_sec+1e-9*t.tv_nsec; } // the benchmark's clock
template<int N> using C_=std::integral_constant<int,N>;
constexpr int L=16;
typedef float V __attribute__((vector_size(64)));
typedef int32_t I __attribute__((vector_size(64)));
static inline V vmax0(V a){ return (V)_mm512_max_ps((__m512)a,_mm512_setzero_ps()); }
template<int SB,int JB> static inline void fblk(const V*a,int lda,const V*w,int ldw,const V*b,V*o,int ldo,int K,bool relu){
  V acc[SB][JB];
  for(int s=0;s<SB;s++)for(int j=0;j<JB;j++)acc[s][j]=b[j];
  for(int k=0;k<K;k++){
    V wv[JB]; for(int j=0;j<JB;j++)wv[j]=w[k*ldw+j];
    for(int s=0;s<SB;s++){V av=a[s*lda+k]; for(int j=0;j<JB;j++)acc[s][j]+=av*wv[j];}
  }
  for(int s=0;s<SB;s++)for(int j=0;j<JB;j++)o[s*ldo+j]=relu?vmax0(acc[s][j]):acc[s][j];
}
// o[S,J] = a[S,K] w[K,J] + b
static void fwd(const V*a,const V*w,const V*b,V*o,int S,int K,int J,bool relu){
  int j=0;
  auto col=[&](auto JBc,auto SBc){constexpr int JB=decltype(JBc)::value,SB=decltype(SBc)::value;int s=0;for(;s+SB<=S;s+=SB)fblk<SB,JB>(a+s*K,K,w+j,J,b+j,o+s*J+j,J,K,relu);for(;s<S;s++)fblk<1,JB>(a+s*K,K,w+j,J,b+j,o+s*J+j,J,K,relu);};
  for(;j+4<=J;j+=4)col(C_<4>{},C_<6>{}); if(J-j>=2){col(C_<2>{},C_<10>{});j+=2;} if(j<J)col(C_<1>{},C_<10>{});
}
// dW[K,J] = a[S,K]^T d[S,J]
template<int KB,int JB> static inline void gblk(const V*a,int K,const V*d,int J,V*g,int S){
  V acc[KB][JB]; for(auto&r:acc)for(auto&x:r)x=V{};
  for(int s=0;s<S;s++){V dv[JB];for(int j=0;j<JB;j++)dv[j]=d[s*J+j];
   for(int k=0;k<KB;k++){V av=a[s*K+k];for(int j=0;j<JB;j++)acc[k][j]+=av*dv[j];}}
  for(int k=0;k<KB;k++)for(int j=0;j<JB;j++)g[k*J+j]=acc[k][j];
}
static void gradw(const V*a,const V*d,V*g,int S,int K,int J){
  int j=0;
  auto col=[&](auto JBc,auto KBc){constexpr int JB=decltype(JBc)::value,KB=decltype(KBc)::value;int k=0;for(;k+KB<=K;k+=KB)gblk<KB,JB>(a+k,K,d+j,J,g+k*J+j,S);for(;k<K;k++)gblk<1,JB>(a+k,K,d+j,J,g+k*J+j,S);};
  for(;j+4<=J;j+=4)col(C_<4>{},C_<6>{}); if(J-j>=2){col(C_<2>{},C_<10>{});j+=2;} if(j<J)col(C_<1>{},C_<10>{});
}
// dx[S,K] = d[S,J] w[K,J]^T masked by act>0
template<int SB,int KB> static inline void xblk(const V*d,int J,const V*w,const V*act,V*o,int K){
  V acc[SB][KB]; for(auto&r:acc)for(auto&x:r)x=V{};
  for(int j=0;j<J;j++){V wv[KB];for(int k=0;k<KB;k++)wv[k]=w[k*J+j];
   for(int s=0;s<SB;s++){V dv=d[s*J+j];for(int k=0;k<KB;k++)acc[s][k]+=dv*wv[k];}}
  for(int s=0;s<SB;s++)for(int k=0;k<KB;k++){I m=act[s*K+k]>0; o[s*K+k]=(V)((I)acc[s][k]&m);}
}
static void gradx(const V*d,const V*w,const V*act,V*o,int S,int K,int J){
  int k=0;
  auto col=[&](auto KBc,auto SBc){constexpr int KB=decltype(KBc)::value,SB=decltype(SBc)::value;int s=0;for(;s+SB<=S;s+=SB)xblk<SB,KB>(d+s*J,J,w+k*J,act+s*K+k,o+s*K+k,K);for(;s<S;s++)xblk<1,KB>(d+s*J,J,w+k*J,act+s*K+k,o+s*K+k,K);};
  for(;k+4<=K;k+=4)col(C_<4>{},C_<6>{}); for(;k<K;k++)col(C_<1>{},C_<10>{});
}
static inline V vexp(V x){ V r; for(int l=0;l<L;l++)r[l]=expf(x[l]); return r;}
struct Net{std::vector<int> d; };
static V* al(size_t n){V*p=(V*)aligned_alloc(64,n*64); memset(p,0,n*64); return p;}
extern "C" double train(const int*d,int nl,const float*X,const float*y,const int*yc,int n,int bs,int steps,float*lossout,float*trained){
  int P=0; std::vector<V*>W,B,act,dz,GW,GB; 
  for(int i=0;i<nl;i++)P+=d[i]*d[i+1]+d[i+1];
  V*p=al(P),*g=al(P),*m=al(P),*v=al(P); 
  V*q=p,*h=g; for(int i=0;i<nl;i++){W.push_back(q);GW.push_back(h);q+=d[i]*d[i+1];h+=d[i]*d[i+1];B.push_back(q);GB.push_back(h);q+=d[i+1];h+=d[i+1];
    float sc=1/sqrtf(d[i]); for(int k=0;k<d[i]*d[i+1];k++)for(int l=0;l<L;l++)W[i][k][l]=(rand()/(float)RAND_MAX*2-1)*sc;}
  for(int i=0;i<=nl;i++){act.push_back(al(bs*d[i]));dz.push_back(al(bs*d[i]));}
  uint64_t st[L]; for(int l=0;l<L;l++)st[l]=88172645463325252ull*(l+1);
  V lr=V{}+1e-3f; V loss{};
  double t0=now();
  float b1=1,b2=1; std::vector<float> yb(bs*L);
  int idx[L];
  for(int t=0;t<steps;t++){
    if(bs!=n||t==0)for(int s=0;s<bs;s++){
      for(int l=0;l<L;l++){ if(bs==n) idx[l]=s; else {st[l]^=st[l]<<13;st[l]^=st[l]>>7;st[l]^=st[l]<<17; idx[l]=((st[l]>>32)*(uint64_t)n)>>32;} yb[s*L+l]=yc?yc[idx[l]]:y[idx[l]]; }
      __m512i vi=_mm512_mullo_epi32(_mm512_loadu_si512(idx),_mm512_set1_epi32(d[0]));
      for(int k=0;k<d[0];k++) act[0][s*d[0]+k]=(V)_mm512_i32gather_ps(_mm512_add_epi32(vi,_mm512_set1_epi32(k)),X,4);
    }
    for(int i=0;i<nl;i++)fwd(act[i],W[i],B[i],act[i+1],bs,d[i],d[i+1],i<nl-1);
    V*o=act[nl],*dd=dz[nl]; int C=d[nl]; float inv=1.f/bs; loss=V{};
    for(int s=0;s<bs;s++){
      if(!yc){V yv;memcpy(&yv,&yb[s*L],64);V e=o[s]-yv;loss+=e*e*inv;dd[s]=2*inv*e;}
      else{V mx=o[s*C];for(int c=1;c<C;c++)mx=(V)_mm512_max_ps((__m512)mx,(__m512)o[s*C+c]);V sum{};
        for(int c=0;c<C;c++){V e=vexp(o[s*C+c]-mx);dd[s*C+c]=e;sum+=e;} V is=inv/sum; for(int c=0;c<C;c++)dd[s*C+c]*=is;
        for(int l=0;l<L;l++)dd[s*C+(int)yb[s*L+l]][l]-=inv;}
    }
    for(int i=nl-1;i>=0;i--){
      gradw(act[i],dz[i+1],GW[i],bs,d[i],d[i+1]);
      for(int j=0;j<d[i+1];j++){V a{};for(int s=0;s<bs;s++)a+=dz[i+1][s*d[i+1]+j];GB[i][j]=a;}
      if(i)gradx(dz[i+1],W[i],act[i],dz[i],bs,d[i],d[i+1]);
    }
    b1*=0.9f;b2*=0.999f; V c1=lr/(1-b1); V c2=V{}+1/(1-b2);
    for(int k=0;k<P;k++){V mm=m[k]*0.9f+g[k]*0.1f;V vv=v[k]*0.999f+g[k]*g[k]*0.001f;m[k]=mm;v[k]=vv;
      p[k]-=c1*mm/((V)_mm512_sqrt_ps((__m512)(vv*c2))+1e-8f);}
  }
  double dt=now()-t0;
  for(int l=0;l<L;l++)lossout[l]=loss[l];
  for(int l=0;l<L;l++)for(int k=0;k<P;k++)trained[(size_t)l*P+k]=p[k][l]; // after the clock: what the caller scores
  free(p);free(g);free(m);free(v);for(auto x:act)free(x);for(auto x:dz)free(x);
  return dt;
}
